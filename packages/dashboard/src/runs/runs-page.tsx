import { Button, Stack, Text } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { client } from "../client.ts";
import { EmptyState } from "../ui/empty-state.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { ListEnd } from "../ui/list-end.tsx";
import { Loading } from "../ui/loading.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { RunFilterBar } from "./run-filter-bar.tsx";
import { RUNS_PER_PAGE, type RunFilters, readRunFilters, toQuery } from "./run-filters.ts";
import { RunTable } from "./run-table.tsx";
import { StartRunButton } from "./start-run-button.tsx";
import { useLiveRuns } from "./use-live-runs.ts";

/** How often the list is asked for, in milliseconds; how runs on it stand comes live. */
const LIST_EVERY_MS = 3_000;

/** All runs: the newest first, those under way as they go. */
export function RunsPage() {
  // The router hands on what the address has besides, and what could not be read.
  const filters = useSearch({ from: "/", select: (search) => readRunFilters({ ...search }) });
  const navigate = useNavigate({ from: "/" });
  const { data, error, refetch, isPlaceholderData } = useQuery({
    queryKey: ["runs", filters],
    queryFn: () => client.executions.list(toQuery(filters, Date.now())),
    placeholderData: keepPreviousData,
    refetchInterval: LIST_EVERY_MS,
  });
  const live = useLiveRuns(data?.executions ?? []);
  const show = (more: RunFilters) => navigate({ search: more, replace: true });
  const { page = 1, ...narrowing } = filters;
  const narrowed = Object.keys(narrowing).length > 0;
  return (
    <>
      <PageTitle title="Runs">
        <StartRunButton />
      </PageTitle>
      <RunFilterBar filters={filters} onChange={show} />
      <Stack gap="sm" aria-busy={isPlaceholderData}>
        {error === null ? null : (
          <ErrorPanel
            error={error}
            title={data === undefined ? "The runs cannot be listed" : "This list is not up to date"}
            onRetry={() => refetch()}
          />
        )}
        {data === undefined ? (
          error === null && <Loading label="Loading the runs" height={320} />
        ) : data.total === 0 ? (
          <NoRuns narrowed={narrowed} onClear={() => show({})} />
        ) : (
          <>
            <RunTable runs={data.executions} live={live} />
            <ListEnd
              total={data.total}
              of={["run", "runs"]}
              page={page}
              perPage={RUNS_PER_PAGE}
              onPage={(next) => navigate({ search: { ...narrowing, ...(next > 1 ? { page: next } : {}) } })}
            />
          </>
        )}
      </Stack>
    </>
  );
}

function NoRuns({ narrowed, onClear }: { narrowed: boolean; onClear: () => void }) {
  if (narrowed)
    return (
      <EmptyState title="No run fits these filters.">
        <Button variant="default" onClick={onClear}>
          Show all runs
        </Button>
      </EmptyState>
    );
  return (
    <EmptyState title="Nothing has run yet.">
      <Text size="sm">Start a run here, or in a terminal:</Text>
      <Text size="sm" className="code">
        npx millrace configs run NAME --watch
      </Text>
    </EmptyState>
  );
}
