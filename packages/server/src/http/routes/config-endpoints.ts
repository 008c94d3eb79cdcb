import type { ConfigVersionRecord, Executions } from "@millrace/engine";
import {
  type ConfigVersion,
  configListSchema,
  configSchema,
  configVersionListSchema,
  configVersionSchema,
  createConfigSchema,
  executionSchema,
  intQuery,
  jsonObjectSchema,
  MillraceError,
  pageQuerySchema,
  runQuerySchema,
  updateConfigSchema,
  validateConfigSchema,
  validationReportSchema,
} from "@millrace/protocol";
import { z } from "zod";
import type { ProjectView } from "../../access/project-of.ts";
import type { Configs } from "../../configs.ts";
import { runnablePipeline } from "../../runnable-pipeline.ts";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../endpoint.ts";
import { ValidationFailure } from "../errors.ts";
import { showExecution } from "../execution-view.ts";
import type { RecordsByProject } from "../find-execution.ts";
import { pageOf } from "../page.ts";
import { missing } from "../validation.ts";

/** What the configs' endpoints stand on. */
export interface ConfigEndpointParts {
  readonly configs: Configs;
  readonly records: RecordsByProject;
  readonly executions: Executions;
}

const tag = "Configs";
const params = z.object({ config_id: z.string() });
const notFound = errorResponses("CONFIG_NOT_FOUND");
const invalid = validationResponse;
const unparsable = errorResponses("CONFIG_UNPARSABLE");
const unavailable = errorResponses("SERVICE_UNAVAILABLE");

/** `/api/v1/configs`. */
export function configEndpoints({ configs, records, executions }: ConfigEndpointParts): Endpoint[] {
  return [
    endpoint({
      method: "POST",
      path: "/api/v1/configs",
      access: "write",
      summary: "Create a config",
      description:
        "A YAML with findings is stored all the same, with `is_runnable` false; one that cannot be parsed is refused.",
      tag,
      body: createConfigSchema,
      responses: {
        201: { description: "The config", schema: configSchema },
        ...unparsable,
        ...invalid,
        ...unavailable,
      },
      handler: async ({ body, view, reply }) => {
        const config = await configs.create(view, body);
        if (config === null) throw new ValidationFailure([missing("body", ["name"], body)]);
        return reply.code(201).send(config);
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/configs",
      access: "read",
      summary: "List configs",
      tag,
      query: pageQuerySchema,
      responses: { 200: { description: "A page of configs", schema: configListSchema }, ...invalid },
      handler: async ({ query, view }) => {
        const page = await records.inProject(view.project).listConfigs(query);
        const items = await Promise.all(page.items.map((record) => configs.summarize(record)));
        return pageOf("configs", query, { total: page.total, items });
      },
    }),
    endpoint({
      method: "POST",
      path: "/api/v1/configs/validate",
      access: "read",
      summary: "Validate a YAML",
      tag,
      body: validateConfigSchema,
      responses: { 200: { description: "The findings, errors first", schema: validationReportSchema }, ...invalid },
      handler: async ({ body, view }) => (await configs.load(body.config_yaml, view.projectForNew)).report,
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/configs/{config_id}",
      access: "read",
      summary: "Get a config",
      tag,
      params,
      responses: { 200: { description: "The config", schema: configSchema }, ...notFound },
      handler: async ({ params: { config_id: id }, view }) => configs.show(await configs.find(view, id)),
    }),
    endpoint({
      method: "PUT",
      path: "/api/v1/configs/{config_id}",
      access: "write",
      summary: "Store a config's next version",
      description:
        "What is left out stays as it is. With `expected_version` nothing is stored where somebody else has stored a version since.",
      tag,
      params,
      body: updateConfigSchema,
      responses: {
        200: { description: "The config", schema: configSchema },
        ...unparsable,
        ...notFound,
        ...errorResponses("CONFIG_CHANGED"),
        ...invalid,
        ...unavailable,
      },
      handler: async ({ params: { config_id: id }, body, view }) => configs.update(view, id, body),
    }),
    endpoint({
      method: "DELETE",
      path: "/api/v1/configs/{config_id}",
      access: "write",
      summary: "Delete a config",
      description: "Past executions keep their snapshot.",
      tag,
      params,
      responses: { 204: { description: "Deleted" }, ...notFound, ...unavailable },
      handler: async ({ params: { config_id: id }, view, request, reply }) => {
        request.concerns = (await configs.find(view, id)).project;
        await records.inProject(view.project).deleteConfig(id);
        return reply.code(204).send();
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/configs/{config_id}/versions",
      access: "read",
      summary: "List a config's versions, newest first",
      tag,
      params,
      query: pageQuerySchema,
      responses: {
        200: { description: "A page of versions", schema: configVersionListSchema },
        ...notFound,
        ...invalid,
      },
      handler: async ({ params: { config_id: id }, query, view }) => {
        await configs.find(view, id);
        const page = await records.inProject(view.project).listConfigVersions(id, query);
        return pageOf("versions", query, { total: page.total, items: page.items.map(showVersion) });
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/configs/{config_id}/versions/{version}",
      access: "read",
      summary: "Get one version of a config",
      tag,
      params: params.extend({ version: intQuery({ ge: 1, description: "Counts from 1" }) }),
      responses: {
        200: { description: "The version", schema: configVersionSchema },
        ...notFound,
        ...invalid,
      },
      handler: async ({ params: { config_id: id, version }, view }) => {
        await configs.find(view, id);
        const own = records.inProject(view.project);
        // The newest first, and none is missing.
        const { total } = await own.listConfigVersions(id, { limit: 1, offset: 0 });
        const [found] =
          version > total ? [] : (await own.listConfigVersions(id, { limit: 1, offset: total - version })).items;
        if (found === undefined)
          throw new MillraceError("CONFIG_NOT_FOUND", `The config has no version ${version}; the newest is ${total}.`);
        return showVersion(found);
      },
    }),
    endpoint({
      method: "POST",
      path: "/api/v1/configs/{config_id}/run",
      access: "run",
      counts: "run",
      summary: "Run a config",
      description:
        "The body's fields replace those of `init_message.payload`. A repeated `idempotency_key` gives the same execution, with 200.",
      tag,
      params,
      query: runQuerySchema,
      body: jsonObjectSchema,
      bodyOptional: true,
      responses: {
        201: { description: "The execution", schema: executionSchema },
        200: { description: "The execution that the idempotency key was used for", schema: executionSchema },
        ...notFound,
        ...invalid,
        ...errorResponses(
          "CONFIG_INVALID",
          "SECRET_UNAVAILABLE",
          "CONFIG_INACTIVE",
          "TAG_TAKEN",
          "IDEMPOTENCY_KEY_REUSED",
          "TOO_MANY_EXECUTIONS",
        ),
        ...unavailable,
      },
      handler: async ({ params: { config_id: id }, query, body, view, request, reply }) => {
        const { record, created } = await startConfig(configs, executions, view, id, {
          tag: query.tag ?? null,
          skipInitMessage: query.skip_init_message,
          idempotencyKey: query.idempotency_key ?? null,
          initPayload: body,
          metadata: null,
        });
        if (created) request.startedExecution = record.id;
        return reply.code(created ? 201 : 200).send(showExecution(record));
      },
    }),
  ];
}

/** Starts an execution of a stored config that the view has; it is of the config's project. */
export async function startConfig(
  configs: Configs,
  executions: Executions,
  view: ProjectView,
  configId: string,
  input: Pick<
    Parameters<Executions["start"]>[0],
    "tag" | "skipInitMessage" | "idempotencyKey" | "initPayload" | "metadata"
  >,
): ReturnType<Executions["start"]> {
  const pipeline = await runnablePipeline(configs, view, configId);
  return executions.start({ ...pipeline, project: pipeline.config.project, ...input });
}

function showVersion(version: ConfigVersionRecord): ConfigVersion {
  return {
    version: version.version,
    config_hash: version.configHash,
    config_yaml: version.configYaml,
    created_at: version.createdAt,
  };
}
