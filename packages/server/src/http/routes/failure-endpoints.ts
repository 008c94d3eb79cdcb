import type { Executions, FailedMessage, FailureFilter, Failures } from "@millrace/engine";
import {
  type Failure,
  failureGroupsQuerySchema,
  failureGroupsSchema,
  failureListQuerySchema,
  failureListSchema,
  retryFailuresSchema,
  retryResultSchema,
} from "@millrace/protocol";
import { z } from "zod";
import { viewOf } from "../../access/project-of.ts";
import type { Configs } from "../../configs.ts";
import { runnablePipeline } from "../../runnable-pipeline.ts";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../endpoint.ts";
import { showExecution } from "../execution-view.ts";
import { findExecution, type RecordsByProject } from "../find-execution.ts";
import { pageOf } from "../page.ts";

/** What the endpoints of failed messages stand on. */
export interface FailureEndpointParts {
  readonly configs: Configs;
  readonly records: RecordsByProject;
  readonly failures: Failures;
  readonly executions: Executions;
}

const tag = "Failures";
const params = z.object({ execution_id: z.string().describe("The execution's id, or its tag") });

/** `/api/v1/executions/{execution_id}/failures`. */
export function failureEndpoints({ configs, records, failures, executions }: FailureEndpointParts): Endpoint[] {
  return [
    endpoint({
      method: "GET",
      path: "/api/v1/executions/{execution_id}/failures",
      access: "read",
      summary: "List messages that failed for good",
      description:
        "In the order in which they were put into queues. A page whose payloads are many megabytes has fewer than `limit`.",
      tag,
      params,
      query: failureListQuerySchema,
      responses: {
        200: { description: "A page of failed messages", schema: failureListSchema },
        ...errorResponses("EXECUTION_NOT_FOUND", "SERVICE_UNAVAILABLE"),
        ...validationResponse,
      },
      handler: async ({ params: { execution_id: id }, query, view }) => {
        const { id: executionId } = await findExecution(records, view, id);
        const filter = {
          ...filterOf(query),
          ...(query.message_id.length === 0 ? {} : { messageIds: query.message_id }),
        };
        const { limit, offset, payload: payloads } = query;
        const page = await failures.list(executionId, filter, { limit, offset, payloads });
        return pageOf("failures", query, { total: page.total, items: page.items.map(showFailure) });
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/executions/{execution_id}/failures/groups",
      access: "read",
      summary: "Count failed messages by route, adapter and error code",
      description: "The most frequent first.",
      tag,
      params,
      query: failureGroupsQuerySchema,
      responses: {
        200: { description: "The groups", schema: failureGroupsSchema },
        ...errorResponses("EXECUTION_NOT_FOUND", "SERVICE_UNAVAILABLE"),
        ...validationResponse,
      },
      handler: async ({ params: { execution_id: id }, query, view }) => {
        const { id: executionId } = await findExecution(records, view, id);
        const groups = await failures.groups(executionId, filterOf(query));
        return {
          total: groups.reduce((sum, { count }) => sum + count, 0),
          groups: groups.map(({ firstFailedAt, lastFailedAt, ...group }) => ({
            ...group,
            first_failed_at: firstFailedAt,
            last_failed_at: lastFailedAt,
          })),
        };
      },
    }),
    endpoint({
      method: "POST",
      path: "/api/v1/executions/{execution_id}/failures/retry",
      access: "run",
      counts: "run",
      summary: "Retry messages that failed for good",
      description:
        "While the execution runs they go back into their queues, and each gets another attempt. Once it is over its status stays as it is: a new execution begins with them, by the same pipeline or that of `config_id`, with this one as its `parent_execution_id`.",
      tag,
      params,
      body: retryFailuresSchema,
      responses: {
        200: { description: "They are retried in the execution itself, or there were none", schema: retryResultSchema },
        201: { description: "They are retried in an execution that was started", schema: retryResultSchema },
        ...errorResponses(
          "STATUS_CHANGE_NOT_ALLOWED",
          "ROUTE_NOT_IN_PIPELINE",
          "CONFIG_INVALID",
          "SECRET_UNAVAILABLE",
          "CONFIG_INACTIVE",
          "EXECUTION_NOT_FOUND",
          "CONFIG_NOT_FOUND",
          "MESSAGE_NOT_FOUND",
          "MESSAGE_NOT_FAILED",
          "EXECUTION_RUNNING",
          "TAG_TAKEN",
          "PAYLOAD_TOO_LARGE",
          "TOO_MANY_EXECUTIONS",
          "SERVICE_UNAVAILABLE",
        ),
        ...validationResponse,
      },
      handler: async ({ params: { execution_id: id }, body, view, request, reply }) => {
        const { id: executionId, project } = await findExecution(records, view, id);
        request.concerns = project;
        // What is started is of the same project, and so is what it runs by.
        const pipeline =
          body.config_id === undefined ? undefined : await runnablePipeline(configs, viewOf(project), body.config_id);
        const done = await executions.retry(executionId, {
          filter: { ...filterOf(body), ...(body.message_ids === undefined ? {} : { messageIds: body.message_ids }) },
          ...(body.payload === undefined ? {} : { payload: body.payload }),
          ...(body.payload_merge === undefined ? {} : { payloadMerge: body.payload_merge }),
          ...(pipeline === undefined ? {} : { pipeline }),
          again: body.again,
          tag: body.tag ?? null,
        });
        if (done.started) request.startedExecution = done.record?.id ?? null;
        return reply.code(done.started ? 201 : 200).send({
          execution_id: executionId,
          retried: done.retried,
          remaining: done.remaining,
          message_ids: done.messageIds,
          started: done.started,
          execution: done.record === null ? null : showExecution(done.record),
        });
      },
    }),
  ];
}

function filterOf(asked: {
  readonly route?: string | undefined;
  readonly adapter?: string | undefined;
  readonly code?: string | undefined;
  readonly retried?: boolean | undefined;
}): FailureFilter {
  const { route, adapter, code, retried } = asked;
  return {
    ...(route === undefined ? {} : { route }),
    ...(adapter === undefined ? {} : { adapter }),
    ...(code === undefined ? {} : { code }),
    ...(retried === undefined ? {} : { retried }),
  };
}

function showFailure(message: FailedMessage): Failure {
  const { code, message: text, retryable, adapter, adapter_index, failed_at } = message.error;
  return {
    message_id: message.id,
    parent_message_id: message.parentId,
    route: message.route,
    adapter,
    adapter_index,
    error: { code, message: text, retryable },
    attempts: message.attempt,
    failed_at,
    payload: message.payloadJson === null ? null : JSON.parse(message.payloadJson),
    payload_bytes: message.payloadBytes,
    retried_in: message.retriedIn,
  };
}
