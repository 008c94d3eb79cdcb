import type { Transferable } from "node:worker_threads";
import { AdapterError } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import type { FromWorkThread, ToWorkThread, Work } from "./work-messages.ts";
import { processPlace, threadPlace, type WorkPlace } from "./work-place.ts";
import { freeSlot, takeSlot } from "./work-slots.ts";

/** How long a thread that has nothing to do is kept, in milliseconds: to start one takes as long as a small document. */
const IDLE_MS = 10_000;

/** Between two looks at a thread's memory, in milliseconds. */
const LOOK_MS = 25;

const MIB = 1024 * 1024;

/** What a piece of work may take. */
export interface WorkLimits {
  readonly signal: AbortSignal;
  /** Time that the thread is at work, in milliseconds: not the time that its values wait to be taken. May be infinite. */
  readonly timeMs: number;
  readonly memoryMb: number;
  /** What it fails with when it took too long. */
  tooLong(): AdapterError;
  /** What it fails with when it used too much memory. */
  tooMuch(): AdapterError;
}

/** Those that have nothing to do, by whether they are processes. */
const idle = { thread: [] as WorkThread[], process: [] as WorkThread[] };

/**
 * Does work in a thread, or a query of SQLite in a process, as soon as one may; its values come one by one, each when it
 * is asked for. The thread is ended where the work takes too long, uses too much memory, or is not wanted any more.
 */
export async function* inThread(work: Work, limits: WorkLimits): AsyncGenerator<JsonObject, void> {
  limits.signal.throwIfAborted();
  const kind = work.kind === "sqlite" ? "process" : "thread";
  const thread = idle[kind].pop()?.wake() ?? new WorkThread(kind);
  let whole = false;
  try {
    yield* thread.run(work, limits);
    whole = true;
  } finally {
    if (whole) thread.rest();
    else thread.end();
  }
}

/** States: *working* ⇄ *resting* (kept for the next) → *gone*. */
class WorkThread {
  readonly #idle: WorkThread[];
  readonly #place: WorkPlace;
  #answer: PromiseWithResolvers<FromWorkThread> | null = null;
  #idleTimer: NodeJS.Timeout | undefined;
  #gone = false;

  constructor(kind: "thread" | "process") {
    this.#idle = idle[kind];
    this.#place = (kind === "process" ? processPlace : threadPlace)({
      onMessage: (message) => this.#answer?.resolve(message),
      onGone: (error) => this.#fail(error),
    });
  }

  async *run(work: Work, limits: WorkLimits): AsyncGenerator<JsonObject, void> {
    let leftMs = limits.timeMs;
    let ask: ToWorkThread = { kind: "work", work };
    while (true) {
      await takeSlot(limits.signal);
      const began = performance.now();
      let answer: FromWorkThread;
      try {
        answer = await this.#ask(ask, leftMs, limits);
      } finally {
        freeSlot();
      }
      leftMs -= performance.now() - began;
      if (answer.kind === "done") return;
      if (answer.kind === "failed") {
        const { code, message, retryable } = answer.failure;
        throw new AdapterError(code, message, { retryable });
      }
      yield answer.value;
      ask = { kind: "next" };
    }
  }

  /** Has nothing to do. */
  rest(): void {
    if (this.#gone) return;
    this.#place.hold(false);
    this.#idleTimer = setTimeout(() => this.end(), IDLE_MS).unref();
    this.#idle.push(this);
  }

  wake(): this {
    clearTimeout(this.#idleTimer);
    this.#place.hold(true);
    return this;
  }

  end(): void {
    if (this.#gone) return;
    this.#gone = true;
    clearTimeout(this.#idleTimer);
    const at = this.#idle.indexOf(this);
    if (at >= 0) this.#idle.splice(at, 1);
    this.#place.end();
  }

  async #ask(message: ToWorkThread, timeMs: number, limits: WorkLimits): Promise<FromWorkThread> {
    const { signal, memoryMb, tooLong, tooMuch } = limits;
    signal.throwIfAborted();
    const answer = Promise.withResolvers<FromWorkThread>();
    this.#answer = answer;
    const onAbort = () => answer.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const timer = Number.isFinite(timeMs) ? setTimeout(() => answer.reject(tooLong()), Math.max(1, timeMs)) : undefined;
    const watch = setInterval(() => {
      this.#place.usedBytes().then((used) => {
        if (used > memoryMb * MIB) answer.reject(tooMuch());
      });
    }, LOOK_MS);
    this.#place.post(message, message.kind === "work" ? givenAway(message.work) : []);
    try {
      return await answer.promise;
    } finally {
      this.#answer = null;
      clearTimeout(timer);
      clearInterval(watch);
      signal.removeEventListener("abort", onAbort);
    }
  }

  #fail(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#answer?.reject(
      new AdapterError("DOCUMENT_INVALID", `The document cannot be read: ${why.slice(0, 300)}.`, { retryable: false }),
    );
    this.end();
  }
}

/** What moves into the thread, and is the service's no more. */
function givenAway(work: Work): Transferable[] {
  if (work.kind === "sqlite") return [];
  if (work.kind !== "parquet") return [work.bytes.buffer];
  return ["bytes" in work.source ? work.source.bytes.buffer : work.source.handle];
}
