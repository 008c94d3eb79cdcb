import { Button, Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import type { AdapterInfo } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { CodeText } from "../ui/code-text.tsx";
import { EmptyState } from "../ui/empty-state.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Loading } from "../ui/loading.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { SearchInput } from "../ui/search-input.tsx";
import { matchesSearch } from "../ui/search-text.ts";
import { adaptersQuery, CATEGORIES } from "./adapter-queries.ts";
import classes from "./adapters-page.module.css";

/** All adapters that are present, by what they are for. */
export function AdaptersPage() {
  const { search = "" } = useSearch({ from: "/adapters" });
  const navigate = useNavigate({ from: "/adapters" });
  const { data, error, refetch } = useQuery(adaptersQuery);
  const found = data?.adapters.filter((adapter) => matches(adapter, search)) ?? [];
  const groups = (Object.keys(CATEGORIES) as AdapterInfo["category"][])
    .map((category) => ({ category, adapters: found.filter((adapter) => adapter.category === category) }))
    .filter(({ adapters }) => adapters.length > 0);
  return (
    <>
      <PageTitle title="Adapters" />
      <Group mb="md">
        <SearchInput
          label="Search"
          placeholder="Type, description or field"
          value={search}
          onChange={(text) => navigate({ search: text === "" ? {} : { search: text }, replace: true })}
        />
      </Group>
      {error !== null && data === undefined ? (
        <ErrorPanel error={error} title="The adapters cannot be listed" onRetry={() => refetch()} />
      ) : data === undefined ? (
        <Loading label="Loading the adapters" height={320} />
      ) : found.length === 0 ? (
        <EmptyState title={`No adapter has "${search}" in its type, description or fields.`}>
          <Button variant="default" onClick={() => navigate({ search: {} })}>
            Show all
          </Button>
        </EmptyState>
      ) : (
        <Stack gap="lg">
          {groups.map(({ category, adapters }) => (
            <section key={category} aria-labelledby={`category-${category}`}>
              <Title order={2} size="h4" id={`category-${category}`} mb="xs">
                {CATEGORIES[category]}
              </Title>
              <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="sm" component="ul" className={classes.list ?? ""}>
                {adapters.map(({ type, description }) => (
                  <li key={type} className={classes.card}>
                    <Link to="/adapters/$type" params={{ type }} className={classes.link}>
                      {type}
                    </Link>
                    <Text size="sm">
                      <CodeText text={description} />
                    </Text>
                  </li>
                ))}
              </SimpleGrid>
            </section>
          ))}
        </Stack>
      )}
    </>
  );
}

/** Whether each word is somewhere in an adapter's words. */
function matches({ type, description, category, config_schema: schema }: AdapterInfo, search: string): boolean {
  const fields = JSON.stringify(schema.properties ?? {});
  const text = `${type} ${description} ${CATEGORIES[category]} ${fields}`;
  return matchesSearch(text, search);
}
