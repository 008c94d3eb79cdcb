import { Paper, ScrollArea, Table, Title } from "@mantine/core";
import type { ExecutionStats, Usage } from "@millrace/client";
import { formatCost, formatCount } from "../../format/number.ts";
import classes from "./route-table.module.css";

/** What a run used of models: per adapter that did, and in all. Nothing where none did. */
export function UsageTable({ stats }: { stats: ExecutionStats | undefined }) {
  const total = stats?.usage ?? null;
  if (stats === undefined || total === null) return null;
  const steps = stats.routes.flatMap(({ route, adapters }) =>
    adapters.flatMap(({ name, usage }) => (usage === null ? [] : [{ key: `${route} ▸ ${name}`, usage }])),
  );
  return (
    <Paper withBorder>
      <Title order={2} size="h4" p="md" pb="xs">
        Models
      </Title>
      <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: "region", "aria-label": "Models" }}>
        <Table className={classes.table} verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Adapter</Table.Th>
              <Table.Th>Requests</Table.Th>
              <Table.Th>From the cache</Table.Th>
              <Table.Th>Tokens in</Table.Th>
              <Table.Th>Tokens out</Table.Th>
              <Table.Th>Cost</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {steps.map(({ key, usage }) => (
              <UsageRow key={key} name={key} usage={usage} />
            ))}
            {steps.length > 1 ? <UsageRow name="All" usage={total} /> : null}
          </Table.Tbody>
        </Table>
      </ScrollArea>
    </Paper>
  );
}

function UsageRow({ name, usage }: { name: string; usage: Usage }) {
  const { requests, cached, input_tokens: sent, output_tokens: made, cost } = usage;
  return (
    <Table.Tr>
      <Table.Th scope="row">{name}</Table.Th>
      {[requests, cached, sent, made].map((count, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a column is its place.
        <Table.Td key={place} data-zero={count === 0 || undefined}>
          {formatCount(count)}
        </Table.Td>
      ))}
      <Table.Td data-zero={cost === 0 || undefined}>{formatCost(cost)}</Table.Td>
    </Table.Tr>
  );
}
