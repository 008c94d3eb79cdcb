import { Group, Stack, Text } from "@mantine/core";
import { useThrottledValue } from "@mantine/hooks";
import { isTerminal } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { client } from "../../client.ts";
import { formatCount } from "../../format/number.ts";
import { useLiveRun } from "../../live/use-live-run.ts";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { Loading } from "../../ui/loading.tsx";
import { useRun } from "../run-context.ts";
import { FailureGroupTable } from "./failure-group-table.tsx";
import { FailureList } from "./failure-list.tsx";
import { RetryButton } from "./retry-button.tsx";

/** While ever more fail, they are asked for no more often than this, in milliseconds. */
const AGAIN_AFTER_MS = 2_000;

/** Counts go by; what was listed for one that has gone by is soon of no use, in milliseconds. */
const KEPT_MS = 30_000;

/** What failed for good in a run: in groups that have their cause in common, and each message of the chosen one. */
export function FailuresPage() {
  const run = useRun();
  const { progress } = useLiveRun();
  const search = useSearch({ from: "/runs/$id/failures" });
  const navigate = useNavigate({ from: "/runs/$id/failures" });
  // Asked for again whenever there are more, or fewer since some were retried.
  const failed = useThrottledValue(progress?.failed ?? null, AGAIN_AFTER_MS);
  const { data, error, refetch } = useQuery({
    queryKey: ["failures", run.id, "groups", failed],
    queryFn: () => client.executions.failureGroups(run.id),
    placeholderData: (before) => before,
    gcTime: KEPT_MS,
  });
  if (error !== null && data === undefined)
    return <ErrorPanel error={error} title="The failures cannot be listed" onRetry={() => refetch()} />;
  if (data === undefined) return <Loading label="Loading the failures" />;
  if (data.total === 0)
    return (
      <EmptyState title="Nothing has failed for good.">
        <Text size="sm">Attempts that failed and were retried are among the events.</Text>
      </EmptyState>
    );
  return (
    <Stack gap="md">
      <Group justify="space-between">
        <Text size="sm">
          {formatCount(data.total)} {data.total === 1 ? "message" : "messages"} failed for good, in{" "}
          {data.groups.length === 1 ? "one way" : `${formatCount(data.groups.length)} ways`}.{" "}
          {isTerminal(run.status) ? "Retried, they go on in a new run." : "Retried, they go on in this run."}
        </Text>
        <RetryButton which={{ all: true }} count={data.total} label="Retry all" variant="default" />
      </Group>
      <FailureGroupTable groups={data.groups} search={search} onChoose={(next) => navigate({ search: next })} />
      <FailureList search={search} onChoose={(next) => navigate({ search: next, replace: true })} failed={failed} />
    </Stack>
  );
}
