import { List, Paper, Text, Title } from "@mantine/core";
import type { ExecutionDetail } from "@millrace/client";
import { formatCount } from "../../format/number.ts";
import { formatTime } from "../../format/time.ts";

/** The times that a run was interrupted and taken up again. */
export function Recoveries({ recoveries }: { recoveries: ExecutionDetail["recoveries"] }) {
  if (recoveries.length === 0) return null;
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h4" mb="xs">
        Taken up again
      </Title>
      <Text size="sm" mb="xs">
        The process that ran it was gone; the next one went on where it was. Nothing was lost.
      </Text>
      <List size="sm">
        {recoveries.map(({ at, redone }) => (
          <List.Item key={at}>
            {formatTime(at)}: {formatCount(redone)} {redone === 1 ? "message that was" : "messages that were"} in flight
            begun again
          </List.Item>
        ))}
      </List>
    </Paper>
  );
}
