import type { JournalBounds, Position, Records } from "@millrace/engine";
import {
  type EventType,
  type ExecutionStatus,
  encodeFrame,
  enumListQuery,
  errorResponseSchema,
  eventTypeSchema,
  floatQuery,
  httpValidationErrorSchema,
  isTerminal,
  listQuery,
  MillraceError,
  parseCursor,
  type ValidationError,
} from "@millrace/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import Negotiator from "negotiator";
import { z } from "zod";
import { type Endpoint, endpoint, type ResponseSpec } from "../http/endpoint.ts";
import { ValidationFailure } from "../http/errors.ts";
import { outlineOf } from "../http/execution-view.ts";
import { findStart } from "./cursor.ts";
import { FrameFilter } from "./frame-filter.ts";
import type { HubParts, StreamHub } from "./hub.ts";
import { canTakeOver } from "./take-over.ts";
import { Turnstile } from "./turnstile.ts";

/** What the stream's endpoints stand on. */
export interface EventsParts {
  readonly hub: StreamHub;
  readonly journal: HubParts["journal"];
  readonly records: Pick<Records, "findExecution" | "getExecution">;
}

/** Executions that one connection may carry. */
const MAX_EXECUTIONS_PER_STREAM = 100;

const EVENT_STREAM = "text/event-stream";
const CONTENT_TYPE = `${EVENT_STREAM}; charset=utf-8`;

/** A cursor by its form; whether it belongs to the stream is seen later. An empty one is none (HTML, "last event ID"). */
const cursorSchema = z
  .string()
  .superRefine((text, context) => {
    if (text === "" || parseCursor(text) !== null) return;
    context.addIssue({
      code: "custom",
      message: cursorMessage("it is not an id of an event"),
      params: { type: "value_error", ctx: { error: "not an id of an event" } },
    });
  })
  .optional();

const streamQuery = {
  timeout: floatQuery({ ge: 1, le: 3600, default: 300, description: "Stream timeout in seconds" }),
  last_event_id: cursorSchema.describe(
    "Continues right after this id, where the `Last-Event-ID` header cannot be set; the header wins",
  ),
  since: z.literal("now").optional().describe("`now` starts at the live edge; a cursor wins over it"),
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

const headers = z.object({
  "last-event-id": cursorSchema.describe("Continues right after this id"),
});

const responses: Record<number, ResponseSpec> = {
  200: {
    description: "The events, pushed as they occur",
    contentType: EVENT_STREAM,
    schema: z.string(),
    example:
      'retry: 3417\nevent: initiated\ndata: {"execution_id":"0198…","message_id":"0198…","type":"initiated","route":"parse","attempt":1}\nid: 42\n\n',
  },
  204: { description: "The cursor is at the end of an execution that is over: there is nothing more to come" },
  404: { description: "Resource not found", schema: errorResponseSchema },
  406: { description: "The Accept header rules out text/event-stream", schema: errorResponseSchema },
  422: { description: "Validation Error", schema: httpValidationErrorSchema },
  503: { description: "Event streamer not available", schema: errorResponseSchema },
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
    summary: "Stream Execution Events",
    description,
    tag: "Executions",
    params: z.object({ execution_id: z.string().describe("The execution's id, or its tag") }),
    query: z.object(streamQuery),
    headers,
    responses,
    handler: ({ params, query, headers: { "last-event-id": header }, request, reply }) =>
      open(parts, request, reply, {
        names: [params.execution_id],
        many: false,
        cursor: pickCursor(header, query.last_event_id),
        since: query.since ?? null,
        ...choiceOf(query),
      }),
  });
  const many = endpoint({
    method: "GET",
    path: "/api/v1/events",
    summary: "Stream the events of several executions",
    description: `Carries the frames of several executions in one connection, resumable by one cursor; each \`end\` names its execution, and the stream closes after the last one's. At most ${MAX_EXECUTIONS_PER_STREAM} executions.`,
    tag: "Executions",
    query: z.object({
      execution_id: z
        .array(z.string())
        .min(1)
        .max(MAX_EXECUTIONS_PER_STREAM)
        .describe("Once per execution: its id, or its tag"),
      ...streamQuery,
    }),
    headers,
    responses,
    handler: ({ query, headers: { "last-event-id": header }, request, reply }) =>
      open(parts, request, reply, {
        names: query.execution_id,
        many: true,
        cursor: pickCursor(header, query.last_event_id),
        since: query.since ?? null,
        ...choiceOf(query),
      }),
  });
  return [one, many];
}

interface Wanted {
  readonly names: readonly string[];
  readonly many: boolean;
  readonly cursor: { readonly value: string; readonly loc: [string, string] } | null;
  readonly since: "now" | null;
  readonly timeoutMs: number;
  readonly view: "events" | "progress";
  readonly types: readonly EventType[];
  readonly routes: readonly string[];
}

/** An execution that was asked for. */
interface Found {
  readonly id: string;
  readonly status: ExecutionStatus;
  readonly bounds: JournalBounds;
}

/** Streams that are opened in one turn of the event loop, at some 0.1 ms each: all at once they would stop the runs. */
const OPENED_PER_TURN = 64;

const turnstile = new Turnstile(OPENED_PER_TURN);

/** Everything is checked before the first byte: a stream that begins is a stream that exists. */
async function open(
  parts: EventsParts,
  request: FastifyRequest,
  reply: FastifyReply,
  wanted: Wanted,
): Promise<unknown> {
  const { hub, journal } = parts;
  refuseIfUnavailable(hub);
  const errors = checkChoice(wanted);
  await turnstile.pass();
  const executions = await findExecutions(parts, wanted.names);
  const executionIds = executions.map((execution) => execution.id);
  const bounds = executions.map((execution) => execution.bounds);
  errors.push(...(await checkRoutes(parts, wanted, executionIds)));
  const start = await findStart(journal, executionIds, bounds, wanted.cursor?.value ?? null, wanted.since);
  if (start.kind === "refused") errors.unshift(badCursor(wanted.cursor, start.why));
  if (errors.length > 0 || start.kind === "refused") throw new ValidationFailure(errors);
  if (!acceptsStream(request)) {
    throw new MillraceError(
      "NOT_ACCEPTABLE",
      "This is an event stream; the Accept header must allow text/event-stream.",
    );
  }
  if (start.kind === "over") return reply.header("cache-control", "private, no-store").code(204).send();
  if (request.raw.method === "HEAD") return sendHead(reply);
  // Checked again: the answers above were waited for.
  refuseIfUnavailable(hub);
  const response = reply.raw;
  reply.hijack();
  response.writeHead(200, streamHead(reply));
  const { socket } = response;
  // Head and first bytes in one packet.
  socket?.cork();
  response.flushHeaders();
  const progress = wanted.view === "progress";
  const lastEvents = new Map(executions.map(({ id, bounds: { lastEvent } }) => [id, lastEvent]));
  await hub.attach(
    {
      executionIds,
      openIds: executionIds.filter((_, index) => !isOver(bounds[index], start.after)),
      many: wanted.many,
      view: wanted.view,
      filter: FrameFilter.of(wanted.types, wanted.routes),
      after: start.after,
      // A state tells of everything: it leaves the client with the newest cursor.
      lastId: progress ? Math.max(start.lastId, ...lastEvents.values()) : start.lastId,
      timeoutMs: wanted.timeoutMs,
      gaps: start.gaps,
      preface: progress
        ? ""
        : start.preface + (wanted.cursor === null ? endsBefore(executions, start, wanted.many) : ""),
      lastEvents,
    },
    response,
  );
  socket?.uncork();
  return reply;
}

function choiceOf(query: {
  timeout: number;
  view: Wanted["view"];
  types: readonly EventType[];
  route: readonly string[];
}): Pick<Wanted, "timeoutMs" | "view" | "types" | "routes"> {
  return { timeoutMs: query.timeout * 1000, view: query.view, types: query.types, routes: query.route };
}

/** States are not chosen from. */
function checkChoice({ view, types, routes }: Wanted): ValidationError[] {
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
  { routes }: Wanted,
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

/** By the type that is sent, charset and all. An Accept with nothing in it rules nothing out. */
function acceptsStream({ raw }: FastifyRequest): boolean {
  const { accept } = raw.headers;
  // What nearly all send, without the parser.
  if (accept === undefined || accept === EVENT_STREAM || accept.trim() === "") return true;
  return new Negotiator(raw).mediaTypes([CONTENT_TYPE]).length > 0;
}

function refuseIfUnavailable(hub: StreamHub): void {
  switch (hub.unavailable) {
    case null:
      return;
    case "closing":
      throw new MillraceError("STREAMER_UNAVAILABLE", "The service is shutting down; come back with the same cursor.");
    case "fault":
      throw new MillraceError(
        "STREAMER_UNAVAILABLE",
        `The journal cannot be written at present (${hub.fault}); come back with the same cursor.`,
      );
    case "full":
      throw new MillraceError("TOO_MANY_SUBSCRIBERS", "As many streams as max_subscribers allows are open.");
  }
}

/** One that is watched already and not over is known; the others are looked up. */
async function findExecutions({ hub, journal, records }: EventsParts, names: readonly string[]): Promise<Found[]> {
  const found = new Map<string, Found>();
  for (const name of names) {
    const known = hub.known(name);
    if (known !== null) {
      found.set(name, { id: name, status: "running", bounds: known });
      continue;
    }
    const execution = await records.findExecution(name);
    const bounds = execution === null ? null : await journal.bounds(execution.id);
    if (execution === null || bounds === null) {
      throw new MillraceError("EXECUTION_NOT_FOUND", `There is no execution "${shorten(name)}".`);
    }
    found.set(execution.id, { ...execution, bounds });
  }
  return [...found.values()];
}

/** Whether an execution's end lies before where a stream begins. */
function isOver(bounds: JournalBounds | undefined, after: Position): boolean {
  return bounds !== undefined && bounds.ended !== null && bounds.ended <= after;
}

/** A stream that begins at the live edge tells at once of the executions that are over; a resumed one has told of them. */
function endsBefore(
  executions: readonly Found[],
  start: { readonly after: Position; readonly lastId: Position },
  many: boolean,
): string {
  return executions
    .filter(({ status, bounds }) => isTerminal(status) && isOver(bounds, start.after))
    .map(({ id, status }) =>
      encodeFrame(
        "end",
        JSON.stringify({ reason: status, status, ...(many ? { execution_id: id } : {}) }),
        start.lastId,
      ),
    )
    .join("");
}

/** The contract's head ("Head"), with what hooks have set so far (request id, CORS). */
function streamHead(reply: FastifyReply): Record<string, string> {
  const set = Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(set.map(([name, value]) => [name, String(value)])),
    "content-type": CONTENT_TYPE,
    "cache-control": "private, no-store, no-transform",
    "x-accel-buffering": "no",
    vary: "Origin, Accept",
    ...(canTakeOver(reply.raw) ? { connection: "close" } : {}),
  };
}

/** `HEAD`: the same head, no body, no subscription. */
function sendHead(reply: FastifyReply): FastifyReply {
  reply.hijack();
  reply.raw.writeHead(200, streamHead(reply));
  reply.raw.end();
  return reply;
}

function pickCursor(header: string | undefined, query: string | undefined): Wanted["cursor"] {
  if (header !== undefined && header !== "") return { value: header, loc: ["header", "Last-Event-ID"] };
  if (query !== undefined && query !== "") return { value: query, loc: ["query", "last_event_id"] };
  return null;
}

function badCursor(cursor: Wanted["cursor"], why: string): ValidationError {
  return {
    loc: cursor?.loc ?? ["query", "last_event_id"],
    msg: cursorMessage(why),
    type: "value_error",
    input: shorten(cursor?.value ?? ""),
    ctx: { error: why },
  };
}

function cursorMessage(why: string): string {
  return `Value error, the cursor cannot be resumed from: ${why}`;
}

function shorten(text: string): string {
  return text.length <= 128 ? text : `${text.slice(0, 128)}…`;
}
