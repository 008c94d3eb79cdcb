import type { Lineage, LineageFilter, LineageWhere } from "@millrace/engine";
import {
  lineageFailuresQuerySchema,
  lineageListSchema,
  lineageNodesSchema,
  lineageQuerySchema,
  lineageRelativesQuerySchema,
  lineageStatsQuerySchema,
  lineageStatsSchema,
  lineageStoryQuerySchema,
  lineageStorySchema,
  MillraceError,
} from "@millrace/protocol";
import { z } from "zod";
import type { ProjectView } from "../../access/project-of.ts";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../endpoint.ts";
import { findExecutionId, type RecordsByProject } from "../find-execution.ts";
import { pageOf } from "../page.ts";

/** What the lineage's endpoints stand on. */
export interface LineageEndpointParts {
  readonly lineage: Lineage;
  readonly records: RecordsByProject;
}

const tag = "Lineage";
const params = z.object({ correlation_id: z.string().describe("The message's id") });
const errors = {
  ...errorResponses("EXECUTION_NOT_FOUND", "LINEAGE_NOT_READY", "SERVICE_UNAVAILABLE"),
  ...validationResponse,
};
const messageErrors = {
  ...errorResponses("MESSAGE_NOT_FOUND", "EXECUTION_NOT_FOUND", "LINEAGE_NOT_READY", "SERVICE_UNAVAILABLE"),
  ...validationResponse,
};

/** `/api/v1/lineage`. */
export function lineageEndpoints({ lineage, records }: LineageEndpointParts): Endpoint[] {
  /** An execution's id, of its id or tag. */
  const executionId = async (view: ProjectView, idOrTag: string): Promise<string> =>
    (await findExecutionId(records, view, idOrTag)).id;
  const filterOf = async (
    view: ProjectView,
    query: Partial<z.output<typeof lineageQuerySchema>>,
  ): Promise<LineageFilter> => ({
    project: view.project,
    ...(query.execution_id === undefined ? {} : { executionId: await executionId(view, query.execution_id) }),
    ...(query.route_id === undefined ? {} : { routeId: query.route_id }),
    ...(query.adapter_name === undefined ? {} : { adapterName: query.adapter_name }),
    ...(query.status === undefined ? {} : { status: query.status }),
    ...(query.is_root === undefined ? {} : { isRoot: query.is_root }),
    ...(query.started_after === undefined ? {} : { startedAfter: query.started_after }),
    ...(query.started_before === undefined ? {} : { startedBefore: query.started_before }),
  });
  const whereOf = async (view: ProjectView, idOrTag: string | undefined): Promise<LineageWhere> => ({
    project: view.project,
    executionId: idOrTag === undefined ? null : await executionId(view, idOrTag),
  });
  const relatives = (direction: "chain" | "children", summary: string, description: string) =>
    endpoint({
      method: "GET",
      path: `/api/v1/lineage/{correlation_id}/${direction}`,
      access: "read",
      summary,
      description,
      tag,
      params,
      query: lineageRelativesQuerySchema,
      responses: { 200: { description: "A page of messages", schema: lineageNodesSchema }, ...messageErrors },
      handler: async ({ params: { correlation_id: id }, query, view }) => {
        const { direct, limit, offset } = query;
        const where = await whereOf(view, query.execution_id);
        const page = await lineage.relatives(id, where, { direction, direct, limit, offset });
        if (page === null) throw notFound(id, query.execution_id);
        return pageOf("messages", query, page);
      },
    });
  return [
    endpoint({
      method: "GET",
      path: "/api/v1/lineage",
      access: "read",
      summary: "List stages of messages",
      description:
        "An adapter's run on a message in one attempt each. Read off the journal when it is asked for: the first question about a long execution takes its time, and one that takes too long is a 503 whose work goes on.",
      tag,
      query: lineageQuerySchema,
      responses: { 200: { description: "A page of stages", schema: lineageListSchema }, ...errors },
      handler: async ({ query, view }) => {
        const { sort_by: sortBy, sort_order: sortOrder, limit, offset } = query;
        const page = await lineage.entries(await filterOf(view, query), { sortBy, sortOrder, limit, offset });
        return pageOf("entries", query, page);
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/lineage/failures",
      access: "read",
      summary: "List the stages in which messages failed for good",
      tag,
      query: lineageFailuresQuerySchema,
      responses: { 200: { description: "A page of stages", schema: lineageListSchema }, ...errors },
      handler: async ({ query, view }) => {
        const { sort_order: sortOrder, limit, offset } = query;
        const filter = { ...(await filterOf(view, query)), failuresOnly: true };
        return pageOf(
          "entries",
          query,
          await lineage.entries(filter, { sortBy: "started_at", sortOrder, limit, offset }),
        );
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/lineage/stats",
      access: "read",
      summary: "Counts of messages and stages, with durations",
      tag,
      query: lineageStatsQuerySchema,
      responses: { 200: { description: "The statistics", schema: lineageStatsSchema }, ...errors },
      handler: async ({ query, view }) => lineage.stats(await filterOf(view, query)),
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/lineage/{correlation_id}",
      access: "read",
      summary: "A message's whole story",
      description:
        "Every stage of every attempt with its timings and errors, what it comes from, and what it gave rise to.",
      tag,
      params,
      query: lineageStoryQuerySchema,
      responses: { 200: { description: "The story", schema: lineageStorySchema }, ...messageErrors },
      handler: async ({ params: { correlation_id: id }, query, view }) => {
        const story = await lineage.story(id, await whereOf(view, query.execution_id));
        if (story === null) throw notFound(id, query.execution_id);
        return story;
      },
    }),
    relatives(
      "chain",
      "What a message comes from",
      "Back to its execution's first message, the one that was taken last before the others; where one came of a batch, all that were gathered into it. A replay's first message leads on into its parent execution.",
    ),
    relatives("children", "All that came of a message", "In the order in which the messages were taken."),
  ];
}

function notFound(id: string, execution: string | undefined): MillraceError {
  const where = execution === undefined ? "" : ` in the execution "${execution.slice(0, 128)}"`;
  return new MillraceError(
    "MESSAGE_NOT_FOUND",
    `There is no message "${id.slice(0, 128)}"${where}: no message with this id was taken, or its events were removed.`,
  );
}
