import type { JournalBounds, Position } from "@millrace/engine";
import {
  type ExecutionStatus,
  encodeFrame,
  errorResponseSchema,
  floatQuery,
  httpValidationErrorSchema,
  isTerminal,
  MillraceError,
  parseCursor,
  type ValidationError,
} from "@millrace/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import Negotiator from "negotiator";
import { z } from "zod";
import type { Principal } from "../access/principal.ts";
import type { ProjectView } from "../access/project-of.ts";
import type { ResponseSpec } from "../http/endpoint.ts";
import { ValidationFailure } from "../http/errors.ts";
import type { RecordsByProject } from "../http/find-execution.ts";
import { findStart } from "./cursor.ts";
import type { FrameFilter } from "./frame-filter.ts";
import type { HubParts, StreamHub } from "./hub.ts";
import { canTakeOver } from "./take-over.ts";
import { Turnstile } from "./turnstile.ts";

/** What a stream is opened on. */
export interface StreamParts {
  readonly hub: StreamHub;
  readonly journal: HubParts["journal"];
  readonly records: RecordsByProject;
}

/** Executions that one connection may carry. */
export const MAX_EXECUTIONS_PER_STREAM = 100;

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

/** What every stream takes in its query. */
export const streamQuery = {
  timeout: floatQuery({ ge: 1, le: 3600, default: 300, description: "Stream timeout in seconds" }),
  last_event_id: cursorSchema.describe(
    "Continues right after this id, where the `Last-Event-ID` header cannot be set; the header wins",
  ),
  since: z.literal("now").optional().describe("`now` starts at the live edge; a cursor wins over it"),
};

/** What every stream takes in its headers. */
export const streamHeaders = z.object({
  "last-event-id": cursorSchema.describe("Continues right after this id"),
});

/** What a stream answers; the success beside it. */
export const streamErrors: Record<number, ResponseSpec> = {
  204: { description: "The cursor is at the end of an execution that is over: there is nothing more to come" },
  404: { description: "Resource not found", schema: errorResponseSchema },
  406: { description: "The Accept header rules out text/event-stream", schema: errorResponseSchema },
  422: { description: "Validation Error", schema: httpValidationErrorSchema },
  503: { description: "Event streamer not available", schema: errorResponseSchema },
};

/** A stream that was asked for, as far as its endpoint has looked at it. */
export interface StreamWanted {
  /** What of the service whoever asks sees. */
  readonly view: ProjectView;
  /** Ids or tags. */
  readonly names: readonly string[];
  readonly many: boolean;
  readonly cursor: { readonly value: string; readonly loc: [string, string] } | null;
  readonly since: "now" | null;
  readonly timeoutMs: number;
  readonly shows: "events" | "progress";
  readonly filter: FrameFilter | null;
  /** @see StreamRequest.keepOpen */
  readonly keepOpen?: boolean;
  /** What is wrong with the request, to be told with what else is. */
  readonly errors: readonly ValidationError[];
  /** Finds what else is, once it is known which executions it is about. */
  readonly check?: (executionIds: readonly string[]) => Promise<ValidationError[]>;
}

/** An execution that was asked for. */
interface Found {
  readonly id: string;
  readonly project: string;
  readonly status: ExecutionStatus;
  readonly bounds: JournalBounds;
}

/** Streams that are opened in one turn of the event loop, at some 0.1 ms each: all at once they would stop the runs. */
const OPENED_PER_TURN = 64;

const turnstile = new Turnstile(OPENED_PER_TURN);

/** Everything is checked before the first byte: a stream that begins is a stream that exists. */
export async function openStream(
  parts: StreamParts,
  request: FastifyRequest,
  reply: FastifyReply,
  wanted: StreamWanted,
): Promise<unknown> {
  const { hub, journal } = parts;
  refuseIfUnavailable(hub);
  const errors = [...wanted.errors];
  await turnstile.pass();
  const { principal } = request;
  const executions = await findExecutions(parts, wanted.view, wanted.names, principal.executionId);
  const executionIds = executions.map((execution) => execution.id);
  const bounds = executions.map((execution) => execution.bounds);
  errors.push(...((await wanted.check?.(executionIds)) ?? []));
  const start = await findStart(journal, executionIds, bounds, {
    cursor: wanted.cursor?.value ?? null,
    since: wanted.since,
    keepOpen: wanted.keepOpen ?? false,
  });
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
  const progress = wanted.shows === "progress";
  const lastEvents = new Map(executions.map(({ id, bounds: { lastEvent } }) => [id, lastEvent]));
  await hub.attach(
    {
      executionIds,
      projects: new Map(executions.map(({ id, project }) => [id, project])),
      openIds: executionIds.filter((_, index) => !isOver(bounds[index], start.after)),
      many: wanted.many,
      view: wanted.shows,
      filter: wanted.filter,
      after: start.after,
      // A state tells of everything: it leaves the client with the newest cursor.
      lastId: progress ? Math.max(start.lastId, ...lastEvents.values()) : start.lastId,
      timeoutMs: Math.min(wanted.timeoutMs, goodForMs(principal)),
      openedBy: principal.sessionId === undefined ? [principal.id] : [principal.id, principal.sessionId],
      keepOpen: wanted.keepOpen ?? false,
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
async function findExecutions(
  { hub, journal, records }: StreamParts,
  { project }: ProjectView,
  names: readonly string[],
  only: string | null,
): Promise<Found[]> {
  const found = new Map<string, Found>();
  for (const name of names) {
    const known = hub.known(name, project);
    if (known !== null && (only === null || only === name)) {
      found.set(name, { id: name, project: known.project, status: "running", bounds: known.bounds });
      continue;
    }
    const execution = await records.inProject(project).findExecution(name);
    if (only !== null && execution?.id !== only) {
      throw new MillraceError("FORBIDDEN", "The ticket is for the streams of another execution.");
    }
    const bounds = execution === null ? null : await journal.bounds(execution.id);
    if (execution === null || bounds === null) {
      throw new MillraceError("EXECUTION_NOT_FOUND", `There is no execution "${shorten(name)}".`);
    }
    found.set(execution.id, { ...execution, bounds });
  }
  return [...found.values()];
}

/** A stream ends with the credential that it was opened with: its client comes back with another. */
function goodForMs({ expiresAt }: Principal): number {
  return expiresAt === null ? Number.POSITIVE_INFINITY : Math.max(0, expiresAt - Date.now());
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

/** The header wins over the query; an empty one is none. */
export function pickCursor(header: string | undefined, query: string | undefined): StreamWanted["cursor"] {
  if (header !== undefined && header !== "") return { value: header, loc: ["header", "Last-Event-ID"] };
  if (query !== undefined && query !== "") return { value: query, loc: ["query", "last_event_id"] };
  return null;
}

function badCursor(cursor: StreamWanted["cursor"], why: string): ValidationError {
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

/** What a client has sent, as it is said back. */
export function shorten(text: string): string {
  return text.length <= 128 ? text : `${text.slice(0, 128)}…`;
}
