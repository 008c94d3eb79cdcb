import { List, Paper, Text, Title } from "@mantine/core";
import type { ExecutionDetail } from "@millrace/client";
import { formatCount } from "../../format/number.ts";
import { formatDuration, formatTime } from "../../format/time.ts";

/** The times that a run was interrupted and taken up again. */
export function Recoveries({ recoveries }: { recoveries: ExecutionDetail["recoveries"] }) {
  if (recoveries.length === 0) return null;
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="xs">
        Taken up again
      </Title>
      <Text size="sm" mb="xs">
        The process that ran it had ended; the next one went on where it was. Nothing was lost.
      </Text>
      <List size="sm">
        {recoveries.map(({ at, redone, interrupted_at: since, interrupted_by: by, held_up_by: why }) => (
          <List.Item key={at}>
            {formatTime(at)}: {formatCount(redone)} {redone === 1 ? "message that was" : "messages that were"} in flight
            begun again.
            {since === null ? null : ` ${byWhat(by)} ${formatTime(since)}${duration(since, at)}.`}
            {why === null ? null : ` It was held up meanwhile: ${why}`}
          </List.Item>
        ))}
      </List>
    </Paper>
  );
}

function byWhat(by: ExecutionDetail["recoveries"][number]["interrupted_by"]): string {
  switch (by) {
    case "shutdown":
      return "The service had been stopped at";
    case "crash":
      return "The service had crashed or been killed; the last that is known before is of";
    case null:
      return "It had been interrupted at";
  }
}

function duration(since: string, at: string): string {
  return `, ${formatDuration(Math.max(0, Date.parse(at) - Date.parse(since)))} before`;
}
