import { Group, Select, Stack, Text } from "@mantine/core";
import type { CollectionData, SearchMode } from "@millrace/client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { client } from "../client.ts";
import { formatCount } from "../format/number.ts";
import { EmptyState } from "../ui/empty-state.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Loading } from "../ui/loading.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { SearchInput } from "../ui/search-input.tsx";
import { DeleteCollection } from "./delete-collection.tsx";
import { FieldFilters } from "./field-filters.tsx";
import { type SearchChoice, toSearchQuery } from "./search-choice.ts";
import classes from "./search-page.module.css";
import { SearchResults } from "./search-results.tsx";

/** How often the collections are asked for, in milliseconds: runs put documents there. */
const COLLECTIONS_EVERY_MS = 5_000;

/** Searches what pipelines have put into collections. */
export function SearchPage() {
  const choice = useSearch({ from: "/search" });
  const navigate = useNavigate({ from: "/search" });
  const { data, error, refetch } = useQuery({
    queryKey: ["collections"],
    queryFn: () => client.search.collections({ limit: 1000 }),
    refetchInterval: COLLECTIONS_EVERY_MS,
  });
  const chosen =
    data?.collections.find(({ name }) => name === choice.collection) ??
    (choice.collection === undefined ? data?.collections[0] : undefined);
  // Another page of other results would be empty.
  const change = (next: SearchChoice) => navigate({ search: next, replace: true });
  return (
    <>
      <PageTitle title="Search">
        {chosen === undefined ? null : <DeleteCollection name={chosen.name} onDeleted={() => change({})} />}
      </PageTitle>
      {error !== null && data === undefined ? (
        <ErrorPanel error={error} title="The collections cannot be listed" onRetry={() => refetch()} />
      ) : data === undefined ? (
        <Loading label="Loading the collections" height={280} />
      ) : data.total === 0 ? (
        <EmptyState title="There is nothing to search yet.">
          <Text size="sm" maw={520}>
            A pipeline puts documents into a collection with the adapter <span className="code">index</span>: run{" "}
            <span className="code">examples/docs-search.yaml</span>, for one.
          </Text>
        </EmptyState>
      ) : (
        <>
          <SearchBar collections={data.collections} chosen={chosen ?? null} choice={choice} onChange={change} />
          {chosen === undefined ? (
            <EmptyState title={`There is no collection "${choice.collection}".`} />
          ) : (
            <Found collection={chosen} choice={choice} onChange={change} />
          )}
        </>
      )}
    </>
  );
}

function SearchBar({
  collections,
  chosen,
  choice: { page: _, ...choice },
  onChange,
}: {
  collections: readonly CollectionData[];
  chosen: CollectionData | null;
  choice: SearchChoice;
  onChange: (choice: SearchChoice) => void;
}) {
  const { q: _q, mode: _mode, ...rest } = choice;
  const embeds = chosen !== null && chosen.embedding !== null && chosen.vectors > 0;
  return (
    <Group gap="xs" mb="md" align="flex-end" role="search" aria-label="Documents">
      <SearchInput
        label="Search"
        placeholder='Words, "in a row", -without'
        value={choice.q ?? ""}
        onChange={(q) => onChange({ ...rest, ...modeOf(choice), ...(q === "" ? {} : { q }) })}
      />
      <Select
        label="Collection"
        data={collections.map(({ name, documents }) => ({ value: name, label: `${name} (${formatCount(documents)})` }))}
        value={chosen?.name ?? null}
        onChange={(collection) => (collection === null ? undefined : onChange({ collection, ...wordsOf(choice) }))}
        allowDeselect={false}
        searchable
        w={220}
      />
      {embeds ? (
        <Select
          label="By"
          data={[
            { value: "hybrid", label: "Words and vectors" },
            { value: "keyword", label: "Words" },
            { value: "vector", label: "Vectors" },
          ]}
          value={choice.mode ?? "hybrid"}
          onChange={(mode) =>
            // It is one of those above.
            onChange({ ...rest, ...wordsOf(choice), ...(mode === null ? {} : { mode: mode as SearchMode }) })
          }
          allowDeselect={false}
          w={180}
        />
      ) : null}
    </Group>
  );
}

function Found({
  collection,
  choice,
  onChange,
}: {
  collection: CollectionData;
  choice: SearchChoice;
  onChange: (choice: SearchChoice) => void;
}) {
  const query = toSearchQuery(collection.name, choice);
  const { data, error, refetch } = useQuery({
    queryKey: ["search", collection.updated_at, query],
    queryFn: ({ signal }) => (query === null ? null : client.search.find(query, { signal })),
    placeholderData: keepPreviousData,
  });
  const { data: detail } = useQuery({
    queryKey: ["collection", collection.name, collection.updated_at],
    queryFn: () => client.search.collection(collection.name),
    placeholderData: keepPreviousData,
  });
  const { page: _, filter: _filter, ...rest } = choice;
  return (
    <div className={classes.layout}>
      <Stack gap="sm">
        {error === null ? null : (
          <ErrorPanel error={error} title="This cannot be searched for" onRetry={() => refetch()} />
        )}
        {error !== null ? null : query === null ? (
          <Text size="sm" className="figure">
            {formatCount(collection.documents)} {collection.documents === 1 ? "document" : "documents"}, of which{" "}
            {collection.vectors === 0 ? "none has" : `${formatCount(collection.vectors)} have`} a vector
            {collection.embedding === null ? "" : ` of ${collection.embedding.model}`}. Type to search them.
          </Text>
        ) : data === undefined || data === null ? (
          <Loading label="Searching" height={280} />
        ) : (
          <section aria-label="What was found">
            <SearchResults
              page={data}
              filtered={choice.filter !== undefined}
              onPage={(page) => onChange(page === 1 ? withoutPage(choice) : { ...choice, page })}
            />
          </section>
        )}
      </Stack>
      <FieldFilters
        fields={detail?.fields ?? []}
        chosen={choice.filter ?? []}
        onChange={(filter) => onChange(filter.length === 0 ? rest : { ...rest, filter })}
      />
    </div>
  );
}

function wordsOf({ q }: SearchChoice): SearchChoice {
  return q === undefined ? {} : { q };
}

function modeOf({ mode }: SearchChoice): SearchChoice {
  return mode === undefined ? {} : { mode };
}

function withoutPage({ page: _, ...choice }: SearchChoice): SearchChoice {
  return choice;
}
