import { Paper, ScrollArea, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { client } from "../../client.ts";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { Loading } from "../../ui/loading.tsx";
import { TextLink } from "../../ui/text-link.tsx";
import { configOf } from "../run-config.ts";
import { useRun } from "../run-context.ts";
import { runQuery } from "../run-query.ts";
import { compareRuns, type Figure } from "./compare-runs.ts";
import classes from "./comparison.module.css";

/** Two runs, figure by figure. */
export function Comparison({ name }: { name: string }) {
  const run = useRun();
  const other = useQuery(runQuery(name));
  const ours = useQuery({ queryKey: ["stats", run.id, "compare"], queryFn: () => client.executions.stats(run.id) });
  const theirs = useQuery({
    queryKey: ["stats", name, "compare"],
    queryFn: () => client.executions.stats(name),
  });
  const error = other.error ?? ours.error ?? theirs.error;
  if (error !== null)
    return <ErrorPanel error={error} title="These runs cannot be compared" onRetry={() => other.refetch()} />;
  if (other.data === undefined || ours.data === undefined || theirs.data === undefined)
    return <Loading label="Loading the other run" />;
  const sections = compareRuns(ours.data, theirs.data);
  const own = configOf(run);
  const their = configOf(other.data);
  const same = run.config_snapshot.config_hash === other.data.config_snapshot.config_hash;
  return (
    <Stack gap="md">
      <Text size="sm">
        {same
          ? "Both ran by the same definition."
          : `The definitions differ: version ${own.version ?? "–"} here, version ${their.version ?? "–"} there.`}{" "}
        {same || run.config_id === null || own.version === null || their.version === null ? null : (
          <TextLink
            to="/configs/$id/versions"
            params={{ id: run.config_id }}
            search={{ from: their.version, to: own.version }}
          >
            What changed
          </TextLink>
        )}
      </Text>
      <Paper withBorder>
        <ScrollArea type="auto" viewportProps={{ tabIndex: 0, role: "region", "aria-label": "Both runs" }}>
          <Table className={classes.table} verticalSpacing={6}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th />
                <Table.Th>{run.tag ?? run.id.slice(-12)}</Table.Th>
                <Table.Th>
                  <TextLink to="/runs/$id" params={{ id: name }}>
                    {other.data.tag ?? other.data.id.slice(-12)}
                  </TextLink>
                </Table.Th>
                <Table.Th>Difference</Table.Th>
              </Table.Tr>
            </Table.Thead>
            {sections.map(({ title, figures }) => (
              <Table.Tbody key={title}>
                <Table.Tr>
                  <Table.Th colSpan={4} scope="colgroup">
                    <Title order={3} size="h6">
                      {title}
                    </Title>
                  </Table.Th>
                </Table.Tr>
                {figures.map((figure) => (
                  <FigureRow key={figure.label} figure={figure} />
                ))}
              </Table.Tbody>
            ))}
          </Table>
        </ScrollArea>
      </Paper>
    </Stack>
  );
}

function FigureRow({ figure: { label, ours, theirs, format, better } }: { figure: Figure }) {
  const share = ours === null || theirs === null || theirs === 0 ? null : ours / theirs - 1;
  const told =
    ours === null || theirs === null
      ? "–"
      : ours === theirs
        ? "the same"
        : share === null
          ? `+${format(ours - theirs)}`
          : `${share > 0 ? "+" : "−"}${Math.abs(share * 100).toFixed(Math.abs(share) < 0.1 ? 1 : 0)} %`;
  const gained = ours !== null && theirs !== null && ours !== theirs && (better === "less") === ours < theirs;
  const verdict = better === null || ours === null || theirs === null || ours === theirs ? null : gained;
  return (
    <Table.Tr>
      <Table.Th scope="row" fw={400}>
        {label}
      </Table.Th>
      <Table.Td>{ours === null ? "–" : format(ours)}</Table.Td>
      <Table.Td>{theirs === null ? "–" : format(theirs)}</Table.Td>
      <Table.Td data-verdict={verdict === null ? undefined : verdict ? "better" : "worse"}>
        {told}
        {verdict === null ? null : verdict ? ", better" : ", worse"}
      </Table.Td>
    </Table.Tr>
  );
}
