import type { AdapterCategory, ErrorInfo, JsonObject, TerminalStatus, Usage } from "@millrace/protocol";
import type { z } from "zod";
import type { ContentCache } from "./cache-port.ts";
import type { ObjectStore } from "./ports.ts";
import type { SearchIndex } from "./search-port.ts";
import type { TraceHeaders } from "./trace/trace-context.ts";

/** A message as an adapter sees it. */
export interface Message {
  readonly id: string;
  readonly parentId: string | null;
  readonly correlationId: string;
  readonly rootCorrelationId: string;
  readonly executionId: string;
  /** The project that the execution belongs to. */
  readonly project: string;
  readonly route: string;
  /** Counts the times that the message was taken, from 1. */
  readonly attempt: number;
  /**
   * Which of the payloads that the steps before it in the chain made of the message this is, from 0: always 0 where they
   * make one. With `id` it names what a step does to the outside; the same for every attempt that makes the same ones.
   */
  readonly piece: number;
  /** What the step before it in the chain made; an adapter that changes it returns a new object. */
  readonly payload: JsonObject;
}

/** Where an adapter says what it does; each line carries the execution, route, adapter and message. */
export interface AdapterLog {
  debug(text: string, fields?: JsonObject): void;
  info(text: string, fields?: JsonObject): void;
  warn(text: string, fields?: JsonObject): void;
  error(text: string, fields?: JsonObject): void;
}

/** Which pipeline a step runs for its message. */
export interface ChildRequest {
  /** The name of a stored config, or its id. */
  readonly config: string;
  /** Merged into the payload of its `init_message`. */
  readonly payload: JsonObject;
  /** As in the message: each payload of a message has a child of its own. */
  readonly piece: number;
}

/** How the execution of a child ended. */
export interface ChildOutcome {
  readonly executionId: string;
  readonly status: TerminalStatus;
  readonly errorInfo: ErrorInfo | null;
  /** Its messages that completed, and that failed for good. */
  readonly completed: number;
  readonly failed: number;
}

/** Executions of other pipelines that a step runs as a part of its own work. */
export interface Children {
  /**
   * Runs a stored config to its end. A step that is redone after a crash finds the same execution; another attempt
   * starts another. When the step is cancelled, or takes too long, so is the child.
   * @throws AdapterError SUBPIPELINE_NOT_FOUND, SUBPIPELINE_NOT_RUNNABLE, SUBPIPELINE_TOO_DEEP
   */
  run(request: ChildRequest): Promise<ChildOutcome>;
}

/** What an adapter is given besides the message. */
export interface AdapterContext<Config = unknown, Prepared = unknown> {
  /** The step's configuration: validated, defaults applied, `${env:…}` and `${secret:…}` replaced. */
  readonly config: Config;
  /** What {@link Adapter.prepare} returned for this step of this execution. */
  readonly prepared: Prepared;
  /** The adapter's name in its route. */
  readonly name: string;
  readonly index: number;
  /** Aborted on cancel and on time-out; an adapter that ignores it is abandoned after a grace period. */
  readonly signal: AbortSignal;
  readonly log: AdapterLog;
  /** Where `store_write` and its like write. */
  readonly objects: ObjectStore;
  /** Not there in a thread, nor where no configs are stored. */
  readonly children?: Children | undefined;
  /** Collections of documents that are searched; null in a thread, and where the service has none. */
  readonly search: SearchIndex | null;
  /** What answers of models are kept in over all runs; null in a thread, and where the service has none. */
  readonly cache: ContentCache | null;
  /**
   * Where the step is in a trace: the headers of requests that it makes for the message. Null where the execution has no
   * trace.
   */
  readonly trace: TraceHeaders | null;
  /**
   * Counts what the step used of a model. It stands in the event that ends the attempt, whether that completes or fails,
   * and in the execution's statistics.
   */
  countUsage(used: Partial<Usage>): void;
}

/** A payload on its way to one route instead of the step's `outbound`; made by {@link routeTo}. */
export class Routed {
  readonly route: string;
  readonly payload: JsonObject;

  constructor(route: string, payload: JsonObject) {
    this.route = route;
    this.payload = payload;
  }
}

/** Sends `payload` past the rest of the chain to `route` alone. The route must exist, or the message fails. */
export function routeTo(route: string, payload: JsonObject): Routed {
  return new Routed(route, payload);
}

/** One thing that an adapter emits. */
export type Emit = JsonObject | Routed;

/** What `process` may return: nothing, one, many, or a (possibly asynchronous) stream of them. */
export type Emits = undefined | null | Emit | Iterable<Emit> | AsyncIterable<Emit>;

/** When a gathering adapter lets go of what it holds. */
export interface Gathering {
  /** As soon as so many are held. */
  readonly size: number;
  /** As soon as their payloads are so large together, in bytes of JSON; and no batch has more, unless it is of one. */
  readonly maxBytes?: number;
  /** When the first was held for so long, in milliseconds. */
  readonly timeoutMs: number;
}

/** Which part of which whole a payload is. */
export interface Part {
  /** Names the whole. */
  readonly group: string;
  /** Which part, from 0. */
  readonly index: number;
  /** How many parts the whole has. */
  readonly count: number;
}

/** The parts of a whole that are held when it is let go of. */
export interface HeldParts {
  readonly group: string;
  readonly count: number;
  /** By their number; in its order. */
  readonly parts: ReadonlyMap<number, JsonObject>;
  /**
   * `complete`: all are there. Else some are missing: for so long that it is not waited for them any more (`timeout`),
   * as nothing more can come to the route (`last`), or as too much is held (`full`).
   */
  readonly because: "complete" | "timeout" | "last" | "full";
}

/** How messages are gathered that are parts of a whole. */
export interface PartGathering {
  /** @throws AdapterError where the payload is no part: its message fails */
  part(payload: JsonObject): Part;
  /**
   * What goes on down the chain for the parts that are held.
   * @throws AdapterError where nothing does: the messages of the parts fail
   */
  whole(held: HeldParts): JsonObject;
  /** How long the first part is held at most, in milliseconds; anew after a restart. */
  readonly timeoutMs: number;
  /** Messages that are held at most, of all wholes together. */
  readonly maxHeld: number;
}

/** How an adapter's configuration refers to routes and expressions, so that they are checked before anything runs. */
export interface ConfigReferences {
  /** Routes that the adapter may send to, with the path of each in the configuration (as `["cases", 0, "to"]`). */
  readonly routes?: readonly { readonly route: string; readonly path: readonly (string | number)[] }[];
}

/** A kind of step: a plain object, registered by its `type`. */
export interface Adapter<Config = unknown, Prepared = unknown> {
  /** The name in the YAML: `[a-z][a-z0-9_]*`. */
  readonly type: string;
  /** One or two sentences for `millrace adapters`. */
  readonly description: string;
  readonly category: AdapterCategory;
  /** What `config` may hold. A strict object, so that unknown fields are found; every field described, with units. */
  readonly config: z.ZodType<Config>;
  /** A small pipeline that shows how it is used; for whoever looks it up. */
  readonly example?: string;
  /** Routes named in the configuration. */
  references?(config: Config): ConfigReferences;
  /**
   * Whether a step needs what is in the process, or on the machine, in which other messages of the run were worked on: what
   * `prepare` counts or remembers, files on a disk. In a service of many nodes all messages of its route are then worked
   * on by the node that the execution belongs to; those of other routes by any node. Default false.
   */
  stateful?(config: Config): boolean;
  /**
   * Called once for each step when an execution starts or is taken up again: compile expressions here, not per
   * message. May throw: the execution is then not started.
   */
  prepare?(config: Config): Prepared;
  /**
   * Handles one message. Throw {@link AdapterError} to fail with a code; any other error is `ADAPTER_ERROR`, retryable.
   * Called again with the same message after a retry or a crash: what it does to the outside happens at least once.
   */
  process?(message: Message, context: AdapterContext<Config, Prepared>): Emits | Promise<Emits>;
  /**
   * The engine holds messages of the route and makes `{items: […]}` of them, or what the adapter makes of the parts of a
   * whole: what `process` is given then, or, of an adapter without it, what goes on down the chain.
   */
  gather?(config: Config): Gathering | PartGathering;
}

/** An adapter of any configuration: what registries and definitions hold. */
// biome-ignore lint/suspicious/noExplicitAny: an adapter is contravariant in its configuration; only its own validated one ever reaches it.
export type AnyAdapter = Adapter<any, any>;

/** Types a user-written adapter; returns it as it is. */
export function defineAdapter<Config, Prepared = undefined>(
  adapter: Omit<Adapter<Config, Prepared>, "category"> & { category?: AdapterCategory },
): Adapter<Config, Prepared> {
  return { category: "user", ...adapter };
}

/** A failure with a stable code; `retryable: false` skips the retries that are left. */
export class AdapterError extends Error {
  override readonly name = "AdapterError";
  readonly code: string;
  readonly retryable: boolean;
  /** The next attempt begins no earlier than so many milliseconds from now: what a server asked to wait, say. */
  readonly retryAfterMs: number;

  constructor(
    code: string,
    message: string,
    options: { retryable?: boolean; cause?: unknown; retryAfterMs?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? true;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

/** The adapters that are present, by type. */
export interface AdapterRegistry {
  /**
   * The adapter that the YAML names: a built-in or loaded type, or the path of a file. Undefined where there is none.
   * @throws MillraceError ADAPTER_INVALID where a file is named that holds no adapter
   */
  resolve(type: string): Promise<AnyAdapter | undefined>;
  /** Sorted by type. */
  list(): readonly AnyAdapter[];
}
