import { Paper, Progress, SimpleGrid, Text } from "@mantine/core";
import { type ExecutionStats, type ExecutionStatus, isTerminal, type ProgressData } from "@millrace/client";
import { formatCount, formatRate, formatShort } from "../../format/number.ts";
import classes from "./summary.module.css";

/** A run in a few figures. */
export function Summary({
  progress,
  stats,
  status,
}: {
  progress: ProgressData | null;
  stats: ExecutionStats | undefined;
  status: ExecutionStatus;
}) {
  const over = isTerminal(status);
  // How many messages there would have been is not known: a full bar would say that all were done.
  const early = over && status !== "completed";
  const completed = progress?.completed ?? stats?.completed_messages ?? 0;
  const failed = progress?.failed ?? stats?.failed_messages ?? 0;
  const running = progress?.running ?? 0;
  const queued = progress?.queued ?? 0;
  const retrying = progress?.retrying ?? 0;
  const open = over ? 0 : running + queued + retrying;
  const total = completed + failed + open;
  const share = (count: number) => (total === 0 ? 0 : (100 * count) / total);
  const settled = share(completed + failed);
  return (
    <Paper withBorder p="md">
      <SimpleGrid cols={{ base: 3, sm: 6 }} spacing="md" verticalSpacing="sm" mb="sm">
        <Figure label="Done" value={completed} />
        <Figure label="Failed" value={failed} bad={failed > 0} />
        <Figure label="Running" value={over ? 0 : running} />
        <Figure label="Queued" value={over ? 0 : queued} />
        <Figure label="Retrying" value={over ? 0 : retrying} />
        <div>
          <Text className={classes.value}>{formatRate(progress?.rate ?? stats?.rate ?? 0)}</Text>
          <Text size="sm" c="dimmed">
            {over ? "Rate, on average" : "Rate, last 5 s"}
          </Text>
        </div>
      </SimpleGrid>
      {early ? null : (
        <Progress.Root size="lg" aria-hidden>
          <Progress.Section value={share(completed)} color="teal" />
          <Progress.Section value={share(failed)} color="red" />
        </Progress.Root>
      )}
      <Text size="sm" mt={6} className="figure">
        {over
          ? `${formatCount(completed + failed)} ${completed + failed === 1 ? "message" : "messages"} settled${early ? `; the run ended early (${status}), and what was left was not taken` : ""}`
          : `${formatCount(completed + failed)} of the ${formatCount(total)} messages known so far are settled (${Math.floor(settled)} %)`}
      </Text>
    </Paper>
  );
}

function Figure({ label, value, bad = false }: { label: string; value: number; bad?: boolean }) {
  return (
    <div title={`${label}: ${formatCount(value)}`}>
      <Text className={classes.value} data-bad={bad || undefined}>
        {formatShort(value)}
      </Text>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
    </div>
  );
}
