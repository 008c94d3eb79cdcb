import { Button, Group, Stack, Text } from "@mantine/core";
import type { ConfigSummary } from "@millrace/client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { client } from "../client.ts";
import { formatCount } from "../format/number.ts";
import { EmptyState } from "../ui/empty-state.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Loading } from "../ui/loading.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { SearchInput } from "../ui/search-input.tsx";
import { matchesSearch } from "../ui/search-text.ts";
import { ConfigTable } from "./config-table.tsx";

/** How often the list is asked for, in milliseconds. */
const LIST_EVERY_MS = 5_000;

/** All configs. */
export function ConfigsPage() {
  const { search = "" } = useSearch({ from: "/configs" });
  const navigate = useNavigate({ from: "/configs" });
  const { data, error, refetch } = useQuery({
    queryKey: ["configs"],
    queryFn: () => client.configs.list({ limit: 1000 }),
    placeholderData: keepPreviousData,
    refetchInterval: LIST_EVERY_MS,
  });
  const found = data?.configs.filter((config) => matches(config, search)) ?? [];
  return (
    <>
      <PageTitle title="Configs">
        <Button component={Link} to="/configs/new" leftSection={<Plus size={16} aria-hidden />}>
          New config
        </Button>
      </PageTitle>
      <Group mb="md">
        <SearchInput
          label="Search"
          placeholder="Name, description or source"
          value={search}
          onChange={(text) => navigate({ search: text === "" ? {} : { search: text }, replace: true })}
        />
      </Group>
      <Stack gap="sm">
        {error === null ? null : (
          <ErrorPanel
            error={error}
            title={data === undefined ? "The configs cannot be listed" : "This list is not up to date"}
            onRetry={() => refetch()}
          />
        )}
        {data === undefined ? (
          error === null && <Loading label="Loading the configs" height={280} />
        ) : data.total === 0 ? (
          <EmptyState title="There are no configs yet.">
            <Text size="sm" maw={480}>
              A config is a pipeline's YAML, kept with all its versions. Write one here, send one to the API, or start
              the service with <code>--configs-dir</code> and a folder of them.
            </Text>
            <Button component={Link} to="/configs/new">
              New config
            </Button>
          </EmptyState>
        ) : found.length === 0 ? (
          <EmptyState title={`No config has "${search}" in its name, description or source.`}>
            <Button variant="default" onClick={() => navigate({ search: {} })}>
              Show all
            </Button>
          </EmptyState>
        ) : (
          <>
            <ConfigTable configs={found} />
            <Text size="sm" className="figure" aria-live="polite">
              {formatCount(found.length)} {found.length === 1 ? "config" : "configs"}
              {data.has_more
                ? `; the newest ${formatCount(data.configs.length)} of ${formatCount(data.total)} are searched`
                : ""}
            </Text>
          </>
        )}
      </Stack>
    </>
  );
}

/** Whether each word is somewhere in a config's words. */
function matches({ name, description, source_path: path, id }: ConfigSummary, search: string): boolean {
  const text = `${name} ${description ?? ""} ${path ?? ""} ${id}`;
  return matchesSearch(text, search);
}
