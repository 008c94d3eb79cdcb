import { Text } from "@mantine/core";
import type { AdapterInfo } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { adapterQuery } from "../adapters/adapter-queries.ts";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Loading } from "../ui/loading.tsx";
import { PageTitle } from "../ui/page-title.tsx";
import { schemaQuery } from "./config-queries.ts";
import { ConfigWorkbench } from "./config-workbench.tsx";

/** A small pipeline that runs, to begin with. */
const BEGINNING = `version: "1.0"
name: new-pipeline
description: What it is for

routes:
  make:
    adapters:
      - type: generate
        config: { count: 3 }
    outbound: [show]

  show:
    adapters:
      - type: log

init_message: { route: make, payload: {} }
`;

/** A config that is not stored yet. */
export function NewConfigPage() {
  const navigate = useNavigate();
  const { adapter: type } = useSearch({ from: "/configs/new" });
  const { data: schema, error, refetch } = useQuery(schemaQuery);
  const { data: adapter, isLoading } = useQuery({ ...adapterQuery(type ?? ""), enabled: type !== undefined });
  return (
    <>
      <PageTitle title="New config" />
      <Text size="sm" mb="sm">
        {adapter === undefined
          ? "A small pipeline to begin with."
          : `The example of the adapter ${adapter.type}, to begin with.`}{" "}
        Its <code>name</code> is what the config is called.
      </Text>
      {error !== null && schema === undefined ? (
        <ErrorPanel error={error} title="The schema of pipelines cannot be read" onRetry={() => refetch()} />
      ) : schema === undefined || isLoading ? (
        <Loading label="Loading the editor" height={420} />
      ) : (
        <ConfigWorkbench
          config={null}
          initialText={adapter === undefined ? BEGINNING : exampleOf(adapter)}
          schema={schema}
          onCreated={({ id }) => navigate({ to: "/configs/$id", params: { id }, ignoreBlocker: true })}
        />
      )}
    </>
  );
}

/** An adapter's example with a name, which a config must have. */
function exampleOf({ type, example }: AdapterInfo): string {
  if (example === null) return BEGINNING;
  return /^name:/m.test(example)
    ? example
    : example.replace(/^version:.*\n/m, (line) => `${line}name: ${type}-example\n`);
}
