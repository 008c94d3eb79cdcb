import type { Clock, ExecutionRecord, Executions, Journal } from "@millrace/engine";
import {
  createExecutionSchema,
  dagSchema,
  emptyProgress,
  executionDetailSchema,
  executionListQuerySchema,
  executionListSchema,
  executionSchema,
  executionStatsSchema,
  isTerminal,
  MAX_RECOVERIES,
  MillraceError,
  type Progress,
  patchExecutionResultSchema,
  patchExecutionSchema,
  routeStatesSchema,
  waitResultSchema,
  waitSchema,
} from "@millrace/protocol";
import { z } from "zod";
import type { ProjectView } from "../../access/project-of.ts";
import type { Configs } from "../../configs.ts";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../endpoint.ts";
import {
  durationMs,
  executionDag,
  executionStats,
  messageStats,
  routeStates,
  showExecution,
  showRecovery,
} from "../execution-view.ts";
import { findExecution, type RecordsByProject } from "../find-execution.ts";
import { pageOf } from "../page.ts";
import { startConfig } from "./config-endpoints.ts";

/** What the executions' endpoints stand on. */
export interface ExecutionEndpointParts {
  readonly configs: Configs;
  readonly records: RecordsByProject;
  readonly executions: Executions;
  readonly journal: Journal;
  readonly clock: Clock;
}

const tag = "Executions";
const params = z.object({ execution_id: z.string().describe("The execution's id, or its tag") });
const notFound = errorResponses("EXECUTION_NOT_FOUND");
const invalid = validationResponse;
const unavailable = errorResponses("SERVICE_UNAVAILABLE");

/** `/api/v1/executions`, but for the event stream. */
export function executionEndpoints({
  configs,
  records,
  executions,
  journal,
  clock,
}: ExecutionEndpointParts): Endpoint[] {
  const find = (seen: ProjectView, idOrTag: string) => findExecution(records, seen, idOrTag);
  const look = async (
    seen: ProjectView,
    idOrTag: string,
  ): Promise<{ record: ExecutionRecord; progress: Progress; depths: Readonly<Record<string, number>> }> => {
    const record = await find(seen, idOrTag);
    const progress = (await executions.progress(record.id)) ?? emptyProgress();
    return { record, progress, depths: isTerminal(record.status) ? {} : await executions.depths(record.id) };
  };
  return [
    endpoint({
      method: "POST",
      path: "/api/v1/executions",
      access: "run",
      counts: "run",
      summary: "Start an execution",
      tag,
      body: createExecutionSchema,
      responses: {
        201: { description: "The execution", schema: executionSchema },
        200: { description: "The execution that the idempotency key was used for", schema: executionSchema },
        ...invalid,
        ...errorResponses(
          "CONFIG_INVALID",
          "SECRET_UNAVAILABLE",
          "CONFIG_INACTIVE",
          "CONFIG_NOT_FOUND",
          "TAG_TAKEN",
          "IDEMPOTENCY_KEY_REUSED",
          "TOO_MANY_EXECUTIONS",
        ),
        ...unavailable,
      },
      handler: async ({ body, view, request, reply }) => {
        const { record, created } = await startConfig(configs, executions, view, body.config_id, {
          tag: body.tag ?? null,
          initPayload: body.init_payload ?? null,
          metadata: body.metadata ?? null,
          idempotencyKey: body.idempotency_key ?? null,
        });
        if (created) request.startedExecution = record.id;
        return reply.code(created ? 201 : 200).send(showExecution(record));
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/executions",
      access: "read",
      summary: "List executions",
      tag,
      query: executionListQuerySchema,
      responses: { 200: { description: "A page of executions", schema: executionListSchema }, ...invalid },
      handler: async ({ query, view }) => {
        const own = records.inProject(view.project);
        const parent = query.parent_execution_id;
        const parentId = parent === undefined ? undefined : ((await own.findExecution(parent))?.id ?? parent);
        const page = await own.listExecutions({
          statuses: query.status,
          ...(query.config_id === undefined ? {} : { configId: query.config_id }),
          ...(query.tag === undefined ? {} : { tag: query.tag }),
          ...(query.tag_prefix === undefined ? {} : { tagPrefix: query.tag_prefix }),
          words: query.search?.split(/\s+/).filter((word) => word !== "") ?? [],
          ...(parentId === undefined ? {} : { parentExecutionId: parentId }),
          ...(query.started_after === undefined ? {} : { startedAfter: query.started_after }),
          ...(query.started_before === undefined ? {} : { startedBefore: query.started_before }),
          sortOrder: query.sort_order,
          limit: query.limit,
          offset: query.offset,
        });
        return pageOf("executions", query, { total: page.total, items: page.items.map(showExecution) });
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/executions/{execution_id}",
      access: "read",
      summary: "Get an execution",
      tag,
      params,
      responses: { 200: { description: "The execution", schema: executionDetailSchema }, ...notFound },
      handler: async ({ params: { execution_id: id }, view }) => {
        const record = await find(view, id);
        const recoveries = await journal.recoveries(record.id, MAX_RECOVERIES);
        return { ...showExecution(record), recoveries: recoveries.map(showRecovery) };
      },
    }),
    endpoint({
      method: "PATCH",
      path: "/api/v1/executions/{execution_id}",
      access: "run",
      summary: "End an execution",
      description:
        "Only a running or interrupted one. Running adapters are told to stop; the answer comes when the execution is over.",
      tag,
      params,
      body: patchExecutionSchema,
      responses: {
        200: { description: "What was done", schema: patchExecutionResultSchema },
        ...errorResponses("STATUS_CHANGE_NOT_ALLOWED"),
        ...notFound,
        ...invalid,
        ...unavailable,
      },
      handler: async ({ params: { execution_id: id }, body, view, request }) => {
        const before = await find(view, id);
        request.concerns = before.project;
        const after = await executions.stop(before.id, body.status, body.error_info ?? null);
        return {
          success: after.status === body.status,
          execution_id: after.id,
          previous_status: before.status,
          current_status: after.status,
          message:
            after.status === body.status
              ? `The execution is ${after.status}.`
              : `The execution had come to its end before: it is ${after.status}.`,
        };
      },
    }),
    endpoint({
      method: "DELETE",
      path: "/api/v1/executions/{execution_id}",
      access: "write",
      summary: "Delete an execution",
      description: "With its journal and its objects; a running one is refused.",
      tag,
      params,
      responses: {
        204: { description: "Deleted" },
        ...notFound,
        ...errorResponses("EXECUTION_RUNNING"),
        ...unavailable,
      },
      handler: async ({ params: { execution_id: id }, view, request, reply }) => {
        const found = await find(view, id);
        request.concerns = found.project;
        await executions.delete(found.id);
        return reply.code(204).send();
      },
    }),
    endpoint({
      method: "POST",
      path: "/api/v1/executions/{execution_id}/wait",
      access: "read",
      counts: "stream",
      summary: "Wait for an execution's end",
      tag,
      params,
      body: waitSchema,
      bodyOptional: true,
      responses: {
        200: { description: "Whether it is over, and its counts", schema: waitResultSchema },
        ...notFound,
        ...invalid,
        ...unavailable,
      },
      handler: async ({ params: { execution_id: id }, body, view, reply }) => {
        const { id: executionId } = await find(view, id);
        const gone = new AbortController();
        reply.raw.once("close", () => gone.abort());
        const told = await executions.wait(executionId, body.timeout * 1000, gone.signal);
        // Those who wait are told when the service shuts down, too: no other node is asked for the counts then.
        if (told && (await find(view, executionId)).status === "running") {
          throw new MillraceError(
            "SERVICE_UNAVAILABLE",
            "The service is shutting down; the execution goes on when it is back.",
          );
        }
        const { record, progress, depths } = await look(view, executionId);
        const over = isTerminal(record.status);
        return {
          completed: over,
          execution_id: record.id,
          status: record.status,
          duration_ms: durationMs(record, clock.now()),
          message: over ? `The execution is ${record.status}.` : "The execution is not over yet.",
          stats: messageStats(progress, depths),
        };
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/executions/{execution_id}/stats",
      access: "read",
      summary: "Statistics per route and adapter",
      tag,
      params,
      responses: { 200: { description: "The statistics", schema: executionStatsSchema }, ...notFound },
      handler: async ({ params: { execution_id: id }, view }) => {
        const { record, progress, depths } = await look(view, id);
        return executionStats(record, progress, depths, clock.now());
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/executions/{execution_id}/dag",
      access: "read",
      summary: "Routes and adapters as a graph, with counts",
      tag,
      params,
      responses: { 200: { description: "The graph", schema: dagSchema }, ...notFound },
      handler: async ({ params: { execution_id: id }, view }) => {
        const { record, progress, depths } = await look(view, id);
        return executionDag(record, progress, depths);
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/executions/{execution_id}/routes",
      access: "read",
      summary: "Queue depth and messages in flight per route",
      tag,
      params,
      responses: { 200: { description: "The routes", schema: routeStatesSchema }, ...notFound },
      handler: async ({ params: { execution_id: id }, view }) => {
        const { record, progress, depths } = await look(view, id);
        return { execution_id: record.id, routes: routeStates(record, progress, depths) };
      },
    }),
  ];
}
