import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Loading } from "../ui/loading.tsx";
import { configQuery, schemaQuery } from "./config-queries.ts";
import { ConfigWorkbench } from "./config-workbench.tsx";

/** A config's text, to be changed. */
export function ConfigEditorPage() {
  const { id } = useParams({ from: "/configs/$id" });
  const { data: config } = useQuery(configQuery(id));
  const { data: schema, error, refetch } = useQuery(schemaQuery);
  if (config === undefined || (schema === undefined && error === null))
    return <Loading label="Loading the editor" height={420} />;
  if (schema === undefined)
    return error === null ? null : (
      <ErrorPanel error={error} title="The schema of pipelines cannot be read" onRetry={() => refetch()} />
    );
  return <ConfigWorkbench key={config.id} config={config} initialText="" schema={schema} />;
}
