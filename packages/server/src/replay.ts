import {
  AdapterError,
  type Engine,
  type ExecutionRecord,
  type Failures,
  type FirstMessages,
  type Ids,
  type MessageCopy,
  type NewMessage,
  type ObjectStore,
  type Pipeline,
} from "@millrace/engine";
import { type JsonObject, type JsonValue, MillraceError, type replaySchema } from "@millrace/protocol";
import type { z } from "zod";
import { outlineOf } from "./http/execution-view.ts";

/** What replays stand on. */
export interface ReplayParts {
  readonly executions: Engine;
  readonly failures: Failures;
  readonly objects: ObjectStore;
  readonly ids: Ids;
  readonly maxPayloadBytes: number;
}

/** A replay begins with so many messages at most, of so many bytes together: they are one commit. */
const MAX_MESSAGES = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;

const PAGE_MESSAGES = 500;

type Replay = z.output<typeof replaySchema>;

/** What a replay begins with, and what there is to say of it. */
interface Source {
  readonly first: FirstMessages;
  readonly notes: JsonObject;
}

/**
 * Starts an execution that does a part of another one again. All that it begins with is read before anything starts.
 * @throws MillraceError NOTHING_TO_REPLAY, TOO_MANY_MESSAGES, ROUTE_NOT_IN_PIPELINE, PAYLOAD_TOO_LARGE, CONFIG_INVALID,
 * SERVICE_UNAVAILABLE, and what starting an execution throws
 */
export async function replay(
  parts: ReplayParts,
  parent: ExecutionRecord,
  body: Replay,
  pipeline: Pipeline,
): Promise<ExecutionRecord> {
  const names = pipeline.definition.routes.map(({ route }) => route);
  if (!names.includes(body.to_route)) {
    throw new MillraceError(
      "ROUTE_NOT_IN_PIPELINE",
      `The pipeline has no route "${body.to_route.slice(0, 128)}". It has: ${names.join(", ")}.`,
    );
  }
  const root = parts.ids.uuid();
  const { first, notes } = await sourceOf(parts, parent, body, new Numbering(parts.ids, root));
  const { record } = await parts.executions.start({
    ...pipeline,
    tag: body.tag ?? null,
    rootCorrelationId: root,
    origin: { executionId: parent.id, source: body.replay_source },
    first,
    metadata: {
      ...body.metadata,
      replay: {
        execution_id: parent.id,
        to_route: body.to_route,
        messages: first.messages.length + first.copies.length,
        ...(body.from_stage === undefined ? {} : { from_stage: body.from_stage }),
        ...(body.from_path === undefined ? {} : { from_path: body.from_path }),
        ...notes,
      },
    },
  });
  return record;
}

function sourceOf(parts: ReplayParts, parent: ExecutionRecord, body: Replay, ids: Numbering): Promise<Source> {
  switch (body.replay_source) {
    case "storage":
      return fromStorage(parts, parent, body, ids);
    case "lineage":
      return fromLineage(parts, parent, body, ids);
    case "manual":
      return fromPayloads(parts, body, ids);
  }
}

async function fromPayloads(parts: ReplayParts, body: Replay, ids: Numbering): Promise<Source> {
  const collected = new Collected(parts, body.to_route, ids);
  for (const payload of body.payloads ?? []) collected.add(payload);
  return { first: { messages: collected.messages, copies: [], markRetried: false }, notes: {} };
}

/** One message per object, in the order of their keys. */
async function fromStorage(parts: ReplayParts, parent: ExecutionRecord, body: Replay, ids: Numbering): Promise<Source> {
  const stage = body.from_stage ?? "";
  const routes = outlineOf(parent).map(({ route }) => route);
  const collected = new Collected(parts, body.to_route, ids);
  const missing: string[] = [];
  try {
    for (const { route, name } of stagesOf(routes, stage)) {
      const prefix = `executions/${parent.id}/${route}/${name}/${body.from_path ?? ""}`;
      for await (const key of parts.objects.list(prefix)) {
        const object = await parts.objects.get(key);
        if (object === null) missing.push(key);
        else collected.add(payloadOf(key, object));
      }
    }
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    // A path that can be that of no object.
    if (error instanceof AdapterError && !error.retryable)
      throw new MillraceError("NOTHING_TO_REPLAY", error.message, { cause: error });
    throw new MillraceError(
      "SERVICE_UNAVAILABLE",
      `The stored objects cannot be read at present: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  }
  if (missing.length > 0) {
    const named = missing.slice(0, 10).join(", ");
    throw new MillraceError(
      "NOTHING_TO_REPLAY",
      `${missing.length} objects are missing, nothing was started: ${named}`,
    );
  }
  if (collected.messages.length === 0) {
    const where = body.from_path === undefined ? "" : ` whose names begin with "${body.from_path.slice(0, 128)}"`;
    throw new MillraceError(
      "NOTHING_TO_REPLAY",
      `The stage "${stage.slice(0, 128)}" of the execution has no stored objects${where}. Its routes are: ${routes.join(", ")}.`,
    );
  }
  return { first: { messages: collected.messages, copies: [], markRetried: false }, notes: {} };
}

/** A stage is looked for in every route; `route/stage` names one. */
function stagesOf(routes: readonly string[], stage: string): { route: string; name: string }[] {
  const there = routes.map((route) => ({ route, name: stage }));
  for (const route of routes) {
    if (stage.startsWith(`${route}/`)) there.push({ route, name: stage.slice(route.length + 1) });
  }
  // A stage is one part of a key: anything else names no stage.
  return there.filter(({ name }) => name !== "" && name !== "." && name !== ".." && !name.includes("/"));
}

/** The object itself where it is a JSON object, else what is known of it, with its text or value. */
function payloadOf(key: string, { body, metadata }: NonNullable<Awaited<ReturnType<ObjectStore["get"]>>>): JsonObject {
  const { contentType } = metadata;
  const about = { object_key: key, content_type: contentType, size: body.length, created_at: metadata.createdAt };
  if (/^application\/(?:[\w.-]+\+)?json\b/i.test(contentType)) {
    let value: JsonValue;
    try {
      value = JSON.parse(body.toString("utf8"));
    } catch {
      return about;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) return { ...about, value };
    return value;
  }
  return /^text\//i.test(contentType) ? { ...about, text: body.toString("utf8") } : about;
}

/** What went into a route, as far as it is kept: the first message, which is in the snapshot, and the failed ones. */
async function fromLineage(parts: ReplayParts, parent: ExecutionRecord, body: Replay, ids: Numbering): Promise<Source> {
  const route = body.from_stage ?? "";
  const routes = outlineOf(parent).map((each) => each.route);
  if (!routes.includes(route)) {
    throw new MillraceError(
      "NOTHING_TO_REPLAY",
      `The execution had no route "${route.slice(0, 128)}". It had: ${routes.join(", ")}.`,
    );
  }
  const collected = new Collected(parts, body.to_route, ids);
  const init = firstMessageOf(parent);
  const root = parent.rootCorrelationId;
  const failedFirst = await parts.failures.count(parent.id, { messageIds: [root] });
  if (init?.route === route && failedFirst === 0) collected.add(init.payload);
  const copies: MessageCopy[] = [];
  for (let last = 0; ; ) {
    const page = { limit: PAGE_MESSAGES, maxBytes: MAX_BYTES, payloads: false };
    const messages = await parts.failures.after(parent.id, { route }, last, page);
    for (const message of messages) {
      collected.count(message.payloadBytes);
      copies.push({ seq: message.seq, id: ids.next(), route: body.to_route, payloadJson: null });
    }
    const end = messages.at(-1)?.seq;
    if (end === undefined) break;
    last = end;
  }
  const progress = await parts.executions.progress(parent.id);
  const known = progress?.routes[route];
  const gone = Math.max(0, (known?.completed ?? 0) - collected.messages.length);
  if (collected.messages.length + copies.length === 0) {
    throw new MillraceError(
      "NOTHING_TO_REPLAY",
      `Of the messages that went into "${route}" none is kept: payloads of completed messages are removed when they are settled. Replay from stored objects (storage), or give payloads (manual).`,
    );
  }
  return { first: { messages: collected.messages, copies, markRetried: false }, notes: { not_kept: gone } };
}

function firstMessageOf({ configSnapshot }: ExecutionRecord): { route: string; payload: JsonObject } | null {
  const { init_message: init } = configSnapshot;
  if (typeof init !== "object" || init === null || Array.isArray(init)) return null;
  const { route, payload } = init;
  if (typeof route !== "string" || typeof payload !== "object" || payload === null || Array.isArray(payload))
    return null;
  return { route, payload };
}

/** Ids of the first messages: that of the very first is the execution's root. */
class Numbering {
  readonly #ids: Ids;
  #root: string | null;

  constructor(ids: Ids, root: string) {
    this.#ids = ids;
    this.#root = root;
  }

  next(): string {
    const id = this.#root ?? this.#ids.uuid();
    this.#root = null;
    return id;
  }
}

/** The messages of a replay while they are gathered, within what one may begin with. */
class Collected {
  readonly messages: NewMessage[] = [];
  readonly #route: string;
  readonly #ids: Numbering;
  readonly #maxPayloadBytes: number;
  #count = 0;
  #bytes = 0;

  constructor({ maxPayloadBytes }: ReplayParts, route: string, ids: Numbering) {
    this.#route = route;
    this.#ids = ids;
    this.#maxPayloadBytes = maxPayloadBytes;
  }

  add(payload: JsonObject): void {
    const payloadJson = JSON.stringify(payload);
    const bytes = Buffer.byteLength(payloadJson);
    if (bytes > this.#maxPayloadBytes) {
      const which = typeof payload.object_key === "string" ? ` (${payload.object_key})` : "";
      throw new MillraceError(
        "PAYLOAD_TOO_LARGE",
        `A payload${which} has ${bytes} bytes; max_payload_bytes is ${this.#maxPayloadBytes}.`,
      );
    }
    this.count(bytes);
    this.messages.push({ id: this.#ids.next(), parentId: null, route: this.#route, payloadJson, hops: 0 });
  }

  count(bytes: number): void {
    this.#count += 1;
    this.#bytes += bytes;
    if (this.#count <= MAX_MESSAGES && this.#bytes <= MAX_BYTES) return;
    throw new MillraceError(
      "TOO_MANY_MESSAGES",
      `A replay begins with at most ${MAX_MESSAGES} messages and ${MAX_BYTES / 1024 / 1024} MiB of payloads. Narrow it down, with from_path, and replay the rest after it.`,
    );
  }
}
