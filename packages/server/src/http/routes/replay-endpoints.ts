import { executionSchema, replayListQuerySchema, replayListSchema, replaySchema } from "@millrace/protocol";
import { z } from "zod";
import { viewOf } from "../../access/project-of.ts";
import type { Configs } from "../../configs.ts";
import { type ReplayParts, replay } from "../../replay/replay.ts";
import { runnablePipeline } from "../../runnable-pipeline.ts";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../endpoint.ts";
import { showExecution } from "../execution-view.ts";
import { findExecution, type RecordsByProject } from "../find-execution.ts";
import { pageOf } from "../page.ts";

/** What the endpoints of replays stand on. */
export interface ReplayEndpointParts extends ReplayParts {
  readonly configs: Configs;
  readonly records: RecordsByProject;
}

const tag = "Replays";
const params = z.object({ execution_id: z.string().describe("The execution's id, or its tag") });

/** `/api/v1/executions/{execution_id}/replay` and `…/replays`. */
export function replayEndpoints(parts: ReplayEndpointParts): Endpoint[] {
  const { records, configs, executions } = parts;
  return [
    endpoint({
      method: "POST",
      path: "/api/v1/executions/{execution_id}/replay",
      access: "run",
      counts: "run",
      summary: "Do a part of an execution again, in a new one",
      description:
        "By the pipeline that the execution was started with, or that of `config_id`. Whatever is missing is said before anything starts.",
      tag,
      params,
      body: replaySchema,
      responses: {
        201: { description: "The execution that was started", schema: executionSchema },
        ...errorResponses(
          "EXECUTION_NOT_FOUND",
          "CONFIG_NOT_FOUND",
          "NOTHING_TO_REPLAY",
          "PAYLOADS_MISSING",
          "ROUTE_NOT_IN_PIPELINE",
          "TOO_MANY_MESSAGES",
          "CONFIG_INVALID",
          "SECRET_UNAVAILABLE",
          "CONFIG_INACTIVE",
          "TAG_TAKEN",
          "PAYLOAD_TOO_LARGE",
          "TOO_MANY_EXECUTIONS",
          "SERVICE_UNAVAILABLE",
        ),
        ...validationResponse,
      },
      handler: async ({ params: { execution_id: id }, body, view, request, reply }) => {
        const parent = await findExecution(records, view, id);
        request.concerns = parent.project;
        const pipeline =
          body.config_id === undefined
            ? await executions.frozenPipeline(parent)
            : await runnablePipeline(configs, viewOf(parent.project), body.config_id);
        const record = await replay(parts, parent, body, pipeline);
        request.startedExecution = record.id;
        return reply.code(201).send(showExecution(record));
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/executions/{execution_id}/replays",
      access: "read",
      summary: "List the executions that replay this one, or retry messages of it",
      description: "The newest first; those among them that a `subpipeline` of it has started.",
      tag,
      params,
      query: replayListQuerySchema,
      responses: {
        200: { description: "A page of executions", schema: replayListSchema },
        ...errorResponses("EXECUTION_NOT_FOUND", "SERVICE_UNAVAILABLE"),
        ...validationResponse,
      },
      handler: async ({ params: { execution_id: id }, query, view }) => {
        const { id: parentExecutionId } = await findExecution(records, view, id);
        const { limit, offset } = query;
        const page = await records
          .inProject(view.project)
          .listExecutions({ parentExecutionId, sortOrder: "desc", limit, offset });
        return pageOf("replays", query, { total: page.total, items: page.items.map(showExecution) });
      },
    }),
  ];
}
