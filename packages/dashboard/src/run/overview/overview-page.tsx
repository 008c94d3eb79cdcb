import { Alert, Stack, Text } from "@mantine/core";
import { isTerminal } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { CircleAlert } from "lucide-react";
import { client } from "../../client.ts";
import { useLiveRun } from "../../live/use-live-run.ts";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { Replays } from "../replay/replays.tsx";
import { useRun } from "../run-context.ts";
import { CourseChart } from "./course-chart.tsx";
import { Recoveries } from "./recoveries.tsx";
import { RouteTable } from "./route-table.tsx";
import { RunGraph } from "./run-graph.tsx";
import { Summary } from "./summary.tsx";
import { UsageTable } from "./usage-table.tsx";

/** How often statistics are asked for while a run goes on, in milliseconds; counts come with its stream. */
const STATS_EVERY_MS = 2_000;

/** How a run goes: its counts, its course over time, and where its messages are. */
export function OverviewPage() {
  const run = useRun();
  const { progress } = useLiveRun();
  const over = isTerminal(run.status);
  const {
    data: stats,
    error,
    refetch,
  } = useQuery({
    queryKey: ["stats", run.id, over],
    queryFn: () => client.executions.stats(run.id),
    refetchInterval: over ? false : STATS_EVERY_MS,
    staleTime: over ? Number.POSITIVE_INFINITY : 0,
  });
  const { data: dag } = useQuery({
    queryKey: ["dag", run.id, over],
    queryFn: () => client.executions.dag(run.id),
    refetchInterval: over ? false : STATS_EVERY_MS,
    staleTime: over ? Number.POSITIVE_INFINITY : 0,
    placeholderData: (before) => before,
  });
  return (
    <Stack gap="md">
      {run.error_info === null ? null : (
        <Alert
          color={run.status === "failed" ? "red" : "gray"}
          variant="outline"
          icon={<CircleAlert aria-hidden />}
          title={run.error_info.code}
        >
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {run.error_info.message}
          </Text>
        </Alert>
      )}
      {error === null || stats !== undefined ? null : (
        <ErrorPanel error={error} title="There are no statistics of this run" onRetry={() => refetch()} />
      )}
      <Summary progress={progress} stats={stats} status={run.status} />
      {dag === undefined ? null : <RunGraph dag={dag} progress={progress} stats={stats} over={over} />}
      <CourseChart timeline={stats?.timeline ?? null} over={over} />
      <UsageTable stats={stats} />
      <RouteTable progress={progress} stats={stats} over={over} />
      <Recoveries recoveries={run.recoveries} />
      <Replays />
    </Stack>
  );
}
