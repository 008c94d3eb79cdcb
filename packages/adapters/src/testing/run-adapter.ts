import {
  AdapterError,
  type AdapterLog,
  type AnyAdapter,
  type ContentCache,
  type Emit,
  type Emits,
  type ObjectStore,
  Routed,
  type SearchIndex,
} from "@millrace/engine";
import { DEFAULT_PROJECT, type JsonObject, type Usage } from "@millrace/protocol";

/** What a step is given besides its configuration and payload. */
export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly attempt?: number;
  /** The run's id; `execution-1` unless it is said. */
  readonly executionId?: string;
  readonly project?: string;
  /** The message's id; `message-1` unless it is said. */
  readonly id?: string;
  readonly piece?: number;
  /** What the step prepared before; left out, it is prepared for this message alone. */
  readonly prepared?: unknown;
  readonly objects?: ObjectStore;
  readonly search?: SearchIndex;
  readonly cache?: ContentCache;
  /** Gets what is counted of models. */
  readonly usage?: Partial<Usage>[];
  /** Gets each line that is logged, as `level: text`. */
  readonly lines?: string[];
}

const NO_OBJECTS: ObjectStore = {
  put: () => Promise.reject(new Error("this step writes no objects")),
  get: () => Promise.resolve(null),
  async *list() {},
  deleteAll: () => Promise.resolve(),
  sizeOf: () => Promise.resolve(0),
};

/** Runs an adapter on one message as the engine does: config checked, prepared, and its emits pulled one by one. */
export async function* stream(
  adapter: AnyAdapter,
  config: unknown,
  payload: JsonObject,
  options: RunOptions = {},
): AsyncGenerator<Emit, void> {
  const checked: unknown = adapter.config.parse(config);
  const emits: Emits = await adapter.process?.(
    {
      id: options.id ?? "message-1",
      parentId: null,
      correlationId: options.id ?? "message-1",
      rootCorrelationId: "message-1",
      executionId: options.executionId ?? "execution-1",
      project: options.project ?? DEFAULT_PROJECT,
      route: "here",
      attempt: options.attempt ?? 1,
      piece: options.piece ?? 0,
      payload,
    },
    {
      config: checked,
      prepared: options.prepared ?? adapter.prepare?.(checked),
      name: adapter.type,
      index: 0,
      signal: options.signal ?? new AbortController().signal,
      log: logTo(options.lines ?? []),
      objects: options.objects ?? NO_OBJECTS,
      search: options.search ?? null,
      cache: options.cache ?? null,
      trace: null,
      countUsage: (used) => void options.usage?.push(used),
    },
  );
  if (emits === undefined || emits === null) return;
  if (isStream(emits)) yield* emits;
  else yield emits;
}

/** The payloads that an adapter emits for one message down its chain. */
export async function run(
  adapter: AnyAdapter,
  config: unknown,
  payload: JsonObject = {},
  options: RunOptions = {},
): Promise<JsonObject[]> {
  const emits = await Array.fromAsync(stream(adapter, config, payload, options));
  return emits.map((emit) => {
    if (emit instanceof Routed) throw new Error(`the step routes to ${emit.route}`);
    return emit;
  });
}

/** The one payload that an adapter emits. */
export async function runOne(
  adapter: AnyAdapter,
  config: unknown,
  payload: JsonObject = {},
  options: RunOptions = {},
): Promise<JsonObject> {
  const [one, ...more] = await run(adapter, config, payload, options);
  if (one === undefined || more.length > 0) throw new Error("the step emits none or many messages");
  return one;
}

/** What an adapter fails with, as `CODE`, or `CODE, retryable`, and its message. */
export async function failure(
  adapter: AnyAdapter,
  config: unknown,
  payload: JsonObject = {},
  options: RunOptions = {},
): Promise<{ code: string; message: string }> {
  try {
    await run(adapter, config, payload, options);
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    return { code: error.retryable ? `${error.code}, retryable` : error.code, message: error.message };
  }
  throw new Error("the step does not fail");
}

/** What is wrong with a configuration, as `path: message` lines; empty where nothing is. */
export function problems(adapter: AnyAdapter, config: unknown): string[] {
  const { error } = adapter.config.safeParse(config);
  return (error?.issues ?? []).map((issue) => `${issue.path.join(".")}: ${issue.message}`);
}

function logTo(lines: string[]): AdapterLog {
  const line = (level: string) => (text: string) => void lines.push(`${level}: ${text}`);
  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
}

function isStream(emits: Exclude<Emits, undefined | null>): emits is Iterable<Emit> | AsyncIterable<Emit> {
  return Symbol.iterator in emits || Symbol.asyncIterator in emits;
}
