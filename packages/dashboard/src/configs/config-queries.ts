import { client } from "../client.ts";

/** A config by its id, as it is kept between pages. */
export function configQuery(id: string) {
  return { queryKey: ["config", id], queryFn: () => client.configs.get(id) };
}

/** The newest versions of a config, their texts included. */
export function versionsQuery(id: string) {
  return { queryKey: ["config", id, "versions"], queryFn: () => client.configs.versions(id, { limit: 1000 }) };
}

/** The JSON Schema of pipelines; it changes with the adapters, when the service is started anew. */
export const schemaQuery = {
  queryKey: ["pipeline-schema"],
  queryFn: () => client.system.pipelineSchema(),
  staleTime: 60_000,
};
