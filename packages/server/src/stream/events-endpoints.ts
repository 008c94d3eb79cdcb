import type { Records } from "@millrace/engine";
import { type EventType, enumListQuery, eventTypeSchema, listQuery, type ValidationError } from "@millrace/protocol";
import { z } from "zod";
import { type Endpoint, endpoint, type ResponseSpec } from "../http/endpoint.ts";
import { outlineOf } from "../http/execution-view.ts";
import { EventFilter } from "./frame-filter.ts";
import {
  MAX_EXECUTIONS_PER_STREAM,
  openStream,
  pickCursor,
  type StreamParts,
  type StreamWanted,
  shorten,
  streamErrors,
  streamHeaders,
  streamQuery,
} from "./open-stream.ts";

/** What the stream's endpoints stand on. */
export interface EventsParts extends StreamParts {
  readonly records: Pick<Records, "findExecution" | "getExecution">;
}

const eventsQuery = {
  ...streamQuery,
  types: enumListQuery(
    eventTypeSchema,
    "Only events of these types: separated by commas, or the parameter once for each",
  ),
  route: listQuery("Only events of messages of these routes: separated by commas, or the parameter once for each"),
  view: z
    .enum(["events", "progress"])
    .default("events")
    .describe(
      "`progress` sends the state of the run (per route: queued, running, completed, failed, rate) in place of its events, when it changes and at most every 250 ms; `types` and `route` do not go with it",
    ),
};

const responses: Record<number, ResponseSpec> = {
  200: {
    description: "The events, pushed as they occur",
    contentType: "text/event-stream",
    schema: z.string(),
    example:
      'retry: 3417\nevent: initiated\ndata: {"execution_id":"0198…","message_id":"0198…","type":"initiated","route":"parse","attempt":1}\nid: 42\n\n',
  },
  ...streamErrors,
};

const description = `Reactive endpoint: events are pushed as they occur, without polling.

Event types: \`initiated\` (processing of a message started), \`processing\` (an adapter is working on it), \`completed\` (its processing completed), \`failed\` (its processing failed).

Without a cursor a stream begins with the execution's first event, however late it is opened. The last frame before the server closes is \`event: end\`; its \`reason\` is \`completed\`, \`failed\`, \`cancelled\`, \`timeout\`, \`interrupted\` or \`shutdown\`.

\`types\` and \`route\` choose events; ids stay those of the whole journal, so a cursor goes with any choice. \`view=progress\` sends \`event: progress\` frames in place of events.`;

/** `GET /api/v1/executions/{execution_id}/events` and `GET /api/v1/events`: the contract. */
export function eventsEndpoints(parts: EventsParts): Endpoint[] {
  const one = endpoint({
    method: "GET",
    path: "/api/v1/executions/{execution_id}/events",
    access: "read",
    takesTicket: true,
    summary: "Stream Execution Events",
    description,
    tag: "Executions",
    params: z.object({ execution_id: z.string().describe("The execution's id, or its tag") }),
    query: z.object(eventsQuery),
    headers: streamHeaders,
    responses,
    handler: ({ params, query, headers: { "last-event-id": header }, request, reply }) =>
      openStream(parts, request, reply, {
        names: [params.execution_id],
        many: false,
        cursor: pickCursor(header, query.last_event_id),
        since: query.since ?? null,
        ...choiceOf(parts, query),
      }),
  });
  const many = endpoint({
    method: "GET",
    path: "/api/v1/events",
    access: "read",
    takesTicket: true,
    summary: "Stream the events of several executions",
    description: `Carries the frames of several executions in one connection, resumable by one cursor; each \`end\` names its execution, and the stream closes after the last one's. At most ${MAX_EXECUTIONS_PER_STREAM} executions.`,
    tag: "Executions",
    query: z.object({
      execution_id: z
        .array(z.string())
        .min(1)
        .max(MAX_EXECUTIONS_PER_STREAM)
        .describe("Once per execution: its id, or its tag"),
      ...eventsQuery,
    }),
    headers: streamHeaders,
    responses,
    handler: ({ query, headers: { "last-event-id": header }, request, reply }) =>
      openStream(parts, request, reply, {
        names: query.execution_id,
        many: true,
        cursor: pickCursor(header, query.last_event_id),
        since: query.since ?? null,
        ...choiceOf(parts, query),
      }),
  });
  return [one, many];
}

function choiceOf(
  parts: EventsParts,
  query: {
    timeout: number;
    view: StreamWanted["view"];
    types: readonly EventType[];
    route: readonly string[];
  },
): Pick<StreamWanted, "timeoutMs" | "view" | "filter" | "errors" | "check"> {
  return {
    timeoutMs: query.timeout * 1000,
    view: query.view,
    filter: EventFilter.of(query.types, query.route),
    errors: checkChoice(query.view, query.types, query.route),
    check: (executionIds) => checkRoutes(parts, query.route, executionIds),
  };
}

/** States are not chosen from. */
function checkChoice(
  view: StreamWanted["view"],
  types: readonly EventType[],
  routes: readonly string[],
): ValidationError[] {
  if (view === "events") return [];
  const given = [...(types.length > 0 ? ["types"] : []), ...(routes.length > 0 ? ["route"] : [])];
  return given.map((name) => {
    const error = `${name} chooses events, and view=progress sends none`;
    return {
      loc: ["query", name],
      msg: `Value error, ${error}`,
      type: "value_error",
      input: "progress",
      ctx: { error },
    };
  });
}

/** A route that none of the executions has would be a stream that stays silent for ever. */
async function checkRoutes(
  { records }: EventsParts,
  routes: readonly string[],
  executionIds: readonly string[],
): Promise<ValidationError[]> {
  if (routes.length === 0) return [];
  const there = new Set<string>();
  for (const executionId of executionIds) {
    const record = await records.getExecution(executionId);
    for (const { route } of record === null ? [] : outlineOf(record)) there.add(route);
  }
  return routes
    .filter((route) => !there.has(route))
    .map((route) => {
      const error = `there is no route "${shorten(route)}"; there ${there.size === 1 ? "is" : "are"} ${[...there].join(", ")}`;
      const input = shorten(route);
      return { loc: ["query", "route"], msg: `Value error, ${error}`, type: "value_error", input, ctx: { error } };
    });
}
