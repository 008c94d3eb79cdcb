import { Worker } from "node:worker_threads";
import { AdapterError, type AdapterLog, type ThreadContext, toEventError } from "@millrace/engine";
import type { AdapterGrants } from "../environment.ts";
import { lineWritten } from "./line-sender.ts";
import { RemoteRun } from "./remote-run.ts";
import type { FromThread, RunRequest, ThreadData, ToThread } from "./thread-messages.ts";

/**
 * What a thread may use beyond twice its limit, in MiB. Garbage counts until it is collected, and V8 lets up to three
 * times of what is kept come together, and some 200 MiB in a small heap.
 */
const GARBAGE_MB = 256;

/**
 * What V8 would let a thread use beyond that, in MiB. V8 ends the whole process where a single piece (an array, a table
 * that grows) does not fit, so it must never come to that: `look` is there first.
 */
const HEADROOM_MB = 2048;

const YOUNG_MB = 16;

const MIB = 1024 * 1024;

/** Between two times that an idle thread is told to collect its garbage, in milliseconds. */
const COLLECT_EVERY_MS = 1000;

/** What a thread is made with. */
export interface AdapterThreadOptions {
  /** Which steps it may work for. */
  readonly key: string;
  readonly heapMb: number;
  /** How long a step that was closed may go on, in milliseconds. */
  readonly graceMs: number;
  readonly grants: AdapterGrants;
  /** For what no message is to blame for. */
  readonly log: AdapterLog;
  onGone(): void;
}

/**
 * A thread in which adapters run.
 *
 * States: *open* → *ending* (told to end, or over its limit; what runs in it has failed) → *gone*.
 */
export class AdapterThread {
  readonly key: string;
  readonly #options: AdapterThreadOptions;
  readonly #worker: Worker;
  readonly #openLines = new Int32Array(new SharedArrayBuffer(4));
  readonly #runs = new Map<number, RemoteRun>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #gone = Promise.withResolvers<void>();
  #lastRun = 0;
  #death: AdapterError | null = null;
  #looking = false;
  #usedBytes = 0;
  #collectedAt = 0;
  #onQuiet: (() => void) | null = null;

  constructor(options: AdapterThreadOptions) {
    this.key = options.key;
    this.#options = options;
    const workerData: ThreadData = { openLines: this.#openLines, grants: options.grants };
    this.#worker = new Worker(new URL("./thread-main.ts", import.meta.url), {
      name: "adapter",
      workerData,
      resourceLimits: {
        maxOldGenerationSizeMb: boundMb(options.heapMb) + HEADROOM_MB,
        maxYoungGenerationSizeMb: YOUNG_MB,
      },
    });
    this.#worker.on("message", (message: FromThread) => this.#take(message));
    this.#worker.on("error", (error) => this.#die(deathOf(error, options.heapMb)));
    this.#worker.on("exit", () => {
      this.#die(new AdapterError("ADAPTER_EXITED", "The adapter ended its thread."));
      options.onGone();
      this.#gone.resolve();
    });
  }

  /** False as soon as it is of no use any more. */
  get open(): boolean {
    return this.#death === null;
  }

  /** Resolves when a step that it is given begins at once: it has started, or is of no use. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Whether the process lives on for it: only while a message needs it. */
  hold(held: boolean): void {
    if (held) this.#worker.ref();
    else this.#worker.unref();
  }

  /** Begins a step on a message. */
  run(request: RunRequest, context: ThreadContext): RemoteRun {
    this.#lastRun += 1;
    const id = this.#lastRun;
    const run = new RemoteRun(id, request, context, {
      post: (message) => this.#post(message),
      end: () => void this.end(),
      onQuiet: () => {
        this.#runs.delete(id);
        if (this.#runs.size === 0) this.#onQuiet?.();
      },
    });
    if (this.#death === null) this.#runs.set(id, run);
    else run.die(this.#death);
    return run;
  }

  /** Resolves when nothing is at work in it; what is after the grace period is ended with the thread. */
  async whenQuiet(): Promise<void> {
    if (this.#runs.size > 0) {
      const quiet = Promise.withResolvers<void>();
      this.#onQuiet = quiet.resolve;
      const grace = setTimeout(() => this.end(), this.#options.graceMs);
      await quiet.promise;
      clearTimeout(grace);
      this.#onQuiet = null;
    }
    const now = performance.now();
    if (this.#usedBytes > this.#options.heapMb * MIB && now - this.#collectedAt > COLLECT_EVERY_MS) {
      this.#collectedAt = now;
      this.#post({ kind: "collect" });
    }
  }

  /** Looks how much memory it uses, and ends it where that is too much. Works while the thread computes. */
  async look(): Promise<void> {
    if (this.#looking || this.#death !== null) return;
    this.#looking = true;
    try {
      const { used_heap_size: heap, external_memory: external } = await this.#worker.getHeapStatistics();
      this.#usedBytes = heap + external;
    } catch {
      // It has just ended.
      return;
    } finally {
      this.#looking = false;
    }
    if (this.#usedBytes > boundMb(this.#options.heapMb) * MIB) void this.end(outOfMemory(this.#options.heapMb));
  }

  /** Ends it, whatever it does; resolves when it is gone. */
  end(cause = new AdapterError("CANCELLED", "The adapter's thread was ended.", { retryable: false })): Promise<void> {
    this.#die(cause);
    // Resolves where `exit` is told as well; a call of the system that the thread is in comes to its end first.
    this.#worker.terminate().catch(() => {});
    return this.#gone.promise;
  }

  #die(cause: AdapterError): void {
    this.#death ??= cause;
    this.#ready.resolve();
    // Whoever waits for a line to be written would keep the thread from ending.
    Atomics.store(this.#openLines, 0, 0);
    Atomics.notify(this.#openLines, 0);
    for (const run of [...this.#runs.values()]) run.die(this.#death);
  }

  #take(message: FromThread): void {
    if (message.kind === "ready") {
      this.#ready.resolve();
      return;
    }
    if (message.kind === "log") lineWritten(this.#openLines);
    const run = message.run === null ? undefined : this.#runs.get(message.run);
    if (run !== undefined) run.take(message);
    else if (message.kind === "log") this.#options.log[message.level](message.text, message.fields);
    else if (message.kind === "call") {
      const error = { code: "CANCELLED", message: "The message is over.", retryable: false };
      this.#post({ kind: "answer", call: message.call, error });
    }
  }

  #post(message: ToThread): void {
    if (this.#death === null) this.#worker.postMessage(message);
  }
}

function deathOf(error: unknown, heapMb: number): AdapterError {
  if (error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY")
    return outOfMemory(heapMb);
  const { code, message, retryable } = toEventError(error);
  return new AdapterError(code, message, { retryable });
}

/** Where a thread is ended, in MiB. */
function boundMb(heapMb: number): number {
  return 2 * heapMb + GARBAGE_MB;
}

function outOfMemory(heapMb: number): AdapterError {
  const text = `The adapter used more than ${boundMb(heapMb)} MiB of memory; its thread_heap_mb is ${heapMb}, and it may use twice that and ${GARBAGE_MB}.`;
  return new AdapterError("ADAPTER_OUT_OF_MEMORY", text, { retryable: false });
}
