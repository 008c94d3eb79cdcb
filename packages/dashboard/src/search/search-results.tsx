import { Group, Pagination, Text } from "@mantine/core";
import type { SearchResultPage } from "@millrace/client";
import { formatCount } from "../format/number.ts";
import { EmptyState } from "../ui/empty-state.tsx";
import { ResultList } from "./result-list.tsx";
import { RESULTS_PER_PAGE } from "./search-choice.ts";

const BY: Readonly<Record<SearchResultPage["mode"], string>> = {
  keyword: "by words",
  vector: "by vectors",
  hybrid: "by words and vectors",
};

/** A page of what was found, and how. */
export function SearchResults({
  page,
  filtered,
  onPage,
}: {
  page: SearchResultPage;
  filtered: boolean;
  onPage: (page: number) => void;
}) {
  const pages = Math.min(1_000, Math.ceil(page.total / RESULTS_PER_PAGE));
  return (
    <>
      <Text size="sm" className="figure" aria-live="polite" mb="xs">
        {formatCount(page.total)} {page.total === 1 ? "document" : "documents"}, {BY[page.mode]}, in {page.took_ms} ms
        {page.matched === "any" && page.total > 0 ? "; none has all of the words, these have some" : ""}
      </Text>
      {page.results.length === 0 ? (
        <EmptyState title="Nothing was found.">
          <Text size="sm">
            {filtered ? "Take a filter away, or look for other words." : "Look for other words, or fewer."}
          </Text>
        </EmptyState>
      ) : (
        <ResultList page={page} />
      )}
      {pages > 1 ? (
        <Group justify="center" mt="md">
          <Pagination
            total={pages}
            value={Math.floor(page.offset / RESULTS_PER_PAGE) + 1}
            onChange={onPage}
            size="sm"
            getControlProps={(control) => ({ "aria-label": control === "next" ? "Next page" : "Page before" })}
          />
        </Group>
      ) : null}
    </>
  );
}
