import { type ChildProcess, fork } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Transferable, Worker } from "node:worker_threads";
import type { FromWorkThread, ToWorkThread } from "./work-messages.ts";

/** What V8 would let a thread use beyond the limit: where a single piece does not fit it ends the process. */
const HEADROOM_MB = 2048;

/** Where the code that works is, whether a thread or a process runs it. */
const MAIN = new URL("./work-thread-main.ts", import.meta.url);

/** What is told of a place where work is done. */
export interface WorkPlaceEvents {
  onMessage(message: FromWorkThread): void;
  /** It is gone, or never came to be. */
  onGone(error: Error): void;
}

/** Where work is done: what it was told to do can be ended at any time, and does not hold up the service. */
export interface WorkPlace {
  post(message: ToWorkThread, given: readonly Transferable[]): void;
  /** Memory that the work takes, in bytes; 0 where that cannot be told, as it has just ended. */
  usedBytes(): Promise<number>;
  /** Whether the service's process lives on for it. */
  hold(held: boolean): void;
  end(): void;
}

/** A thread: it can be given bytes and files that are open, and is ended where it runs JavaScript. */
export function threadPlace({ onMessage, onGone }: WorkPlaceEvents): WorkPlace {
  const worker = new Worker(MAIN, {
    name: "document",
    env: {},
    stdout: true,
    stderr: true,
    // Where it must not come to: its memory is looked at all the time, and it is ended long before.
    resourceLimits: { maxOldGenerationSizeMb: 4096 + HEADROOM_MB },
  });
  // What a library prints of a broken document is nobody's log.
  worker.stdout.resume();
  worker.stderr.resume();
  worker.on("message", onMessage);
  worker.on("error", onGone);
  worker.on("exit", () => onGone(new Error("its thread has ended")));
  return {
    post: (message, given) => worker.postMessage(message, given),
    async usedBytes() {
      try {
        const { used_heap_size: heap, external_memory: external } = await worker.getHeapStatistics();
        return heap + external;
      } catch {
        // It has just ended, or has not begun yet.
        return 0;
      }
    },
    hold: (held) => (held ? worker.ref() : worker.unref()),
    end: () => void worker.terminate(),
  };
}

/** A process: what SQLite does in one step, however long it takes, nothing ends but the end of its process. */
export function processPlace({ onMessage, onGone }: WorkPlaceEvents): WorkPlace {
  const child = fork(fileURLToPath(MAIN), [], {
    execArgv: [],
    env: {},
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    serialization: "advanced",
  });
  // What our own code in it sends.
  child.on("message", (message) => onMessage(message as FromWorkThread));
  child.on("error", onGone);
  child.on("exit", () => onGone(new Error("its process has ended")));
  return {
    post: (message) => {
      child.send(message, (error) => {
        if (error !== null) onGone(error);
      });
    },
    usedBytes: () => residentBytes(child),
    hold(held) {
      if (held) {
        child.ref();
        child.channel?.ref();
      } else {
        child.unref();
        child.channel?.unref();
      }
    },
    end: () => void child.kill("SIGKILL"),
  };
}

async function residentBytes({ pid }: ChildProcess): Promise<number> {
  try {
    const [, pages = "0"] = (await readFile(`/proc/${pid}/statm`, "latin1")).split(" ");
    return Number(pages) * 4096;
  } catch {
    return 0;
  }
}
