import { Paper, Select, Stack, Text } from "@mantine/core";
import type { Execution } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { client } from "../../client.ts";
import { formatTime } from "../../format/time.ts";
import { EmptyState } from "../../ui/empty-state.tsx";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { Loading } from "../../ui/loading.tsx";
import { useRun } from "../run-context.ts";
import { Comparison } from "./comparison.tsx";

/** As many as can be looked through; the newest first. */
const OFFERED = 200;

/** A run beside another of the same config. */
export function ComparePage() {
  const run = useRun();
  const { with: chosen } = useSearch({ from: "/runs/$id/compare" });
  const navigate = useNavigate({ from: "/runs/$id/compare" });
  const {
    data: others,
    error,
    refetch,
  } = useQuery({
    queryKey: ["runs", "of", run.config_id],
    queryFn: () =>
      client.executions.list({ ...(run.config_id === null ? {} : { config_id: run.config_id }), limit: OFFERED }),
  });
  if (error !== null && others === undefined)
    return <ErrorPanel error={error} title="Other runs cannot be listed" onRetry={() => refetch()} />;
  if (others === undefined) return <Loading label="Loading other runs" />;
  const offered = others.executions.filter(({ id }) => id !== run.id);
  if (offered.length === 0 && chosen === undefined)
    return (
      <EmptyState title="There is no other run of this config yet.">
        <Text size="sm">Once there is one, the two can be compared here.</Text>
      </EmptyState>
    );
  return (
    <Stack gap="md">
      <Paper withBorder p="md">
        <Select
          label="Compare with"
          description={run.config_id === null ? "Any run: this one was started from a file" : "Runs of the same config"}
          placeholder="Choose a run"
          data={offered.map((other) => ({ value: nameOf(other), label: describe(other) }))}
          value={chosen ?? null}
          onChange={(name) => navigate({ search: name === null ? {} : { with: name } })}
          searchable
          clearable
          nothingFoundMessage="No such run."
          maw={560}
        />
      </Paper>
      {chosen === undefined ? null : <Comparison name={chosen} />}
    </Stack>
  );
}

function nameOf({ id, tag }: Execution): string {
  return tag ?? id;
}

function describe(run: Execution): string {
  return `${nameOf(run)}, ${run.status}, ${formatTime(run.started_at)}`;
}
