import { Paper, ScrollArea, Table, Text, Title } from "@mantine/core";
import type { ExecutionStats, ProgressData } from "@millrace/client";
import { formatCount, formatRate } from "../../format/number.ts";
import { formatDuration } from "../../format/time.ts";
import classes from "./route-table.module.css";

/** Where a run's messages are: per route, and what each adapter of it did. */
export function RouteTable({
  progress,
  stats,
  over,
}: {
  progress: ProgressData | null;
  stats: ExecutionStats | undefined;
  over: boolean;
}) {
  const live = new Map(progress?.routes.map((route) => [route.route, route]));
  if (stats === undefined) return null;
  return (
    <Paper withBorder>
      <Title order={2} size="h4" p="md" pb="xs">
        Routes and adapters
      </Title>
      <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: "region", "aria-label": "Routes and adapters" }}>
        <Table className={classes.table} verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Route</Table.Th>
              <Table.Th>Queued</Table.Th>
              <Table.Th>Running</Table.Th>
              <Table.Th>Retrying</Table.Th>
              <Table.Th>Done</Table.Th>
              <Table.Th>Failed</Table.Th>
              <Table.Th>Rate</Table.Th>
              <Table.Th>Median</Table.Th>
              <Table.Th>95 %</Table.Th>
              <Table.Th>Longest</Table.Th>
            </Table.Tr>
          </Table.Thead>
          {stats.routes.map((route) => {
            const now = live.get(route.route);
            return (
              <Table.Tbody key={route.route}>
                <Table.Tr>
                  <Table.Th scope="row">{now?.name ?? route.route}</Table.Th>
                  <Count value={over ? 0 : (now?.queued ?? 0)} />
                  <Count value={over ? 0 : (now?.running ?? 0)} />
                  <Count value={over ? 0 : (now?.retrying ?? 0)} />
                  <Count value={now?.completed ?? route.completed_messages} />
                  <Count value={now?.failed ?? route.failed_messages} bad />
                  <Table.Td>{now === undefined ? "–" : formatRate(now.rate)}</Table.Td>
                  <Durations of={route.duration_ms} />
                </Table.Tr>
                {route.adapters.map((adapter) => (
                  <Table.Tr key={adapter.adapter_index} className={classes.adapter}>
                    <Table.Td>
                      {adapter.name}
                      {adapter.name === adapter.type ? null : (
                        <Text span size="xs" c="dimmed">
                          {" "}
                          {adapter.type}
                        </Text>
                      )}
                    </Table.Td>
                    <Table.Td colSpan={3} />
                    <Table.Td title={`${formatCount(adapter.runs)} times, once per message and attempt`}>
                      {formatCount(adapter.runs)} {adapter.runs === 1 ? "run" : "runs"}
                    </Table.Td>
                    <Count value={adapter.failures} bad />
                    <Table.Td />
                    <Durations of={adapter.duration_ms} />
                  </Table.Tr>
                ))}
              </Table.Tbody>
            );
          })}
        </Table>
      </ScrollArea>
    </Paper>
  );
}

function Count({ value, bad = false }: { value: number; bad?: boolean }) {
  return (
    <Table.Td data-zero={value === 0 || undefined} data-bad={(bad && value > 0) || undefined}>
      {formatCount(value)}
    </Table.Td>
  );
}

function Durations({ of: { p50, p95, max } }: { of: ExecutionStats["routes"][number]["duration_ms"] }) {
  return [["p50", p50] as const, ["p95", p95] as const, ["max", max] as const].map(([name, ms]) => (
    <Table.Td key={name}>{ms === null ? "–" : formatDuration(ms)}</Table.Td>
  ));
}
