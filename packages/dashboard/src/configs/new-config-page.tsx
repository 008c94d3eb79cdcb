import { Skeleton, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ErrorPanel } from "../ui/error-panel.tsx";
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
  const { data: schema, error, refetch } = useQuery(schemaQuery);
  return (
    <>
      <PageTitle title="New config" />
      <Text size="sm" mb="sm">
        A small pipeline to begin with. Its <code>name</code> is what the config is called.
      </Text>
      {error !== null && schema === undefined ? (
        <ErrorPanel error={error} title="The schema of pipelines cannot be read" onRetry={() => refetch()} />
      ) : schema === undefined ? (
        <Skeleton height={420} aria-label="Loading the editor" />
      ) : (
        <ConfigWorkbench
          config={null}
          initialText={BEGINNING}
          schema={schema}
          onCreated={({ id }) => navigate({ to: "/configs/$id", params: { id }, ignoreBlocker: true })}
        />
      )}
    </>
  );
}
