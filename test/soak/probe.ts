/**
 * Loaded before the service (`NODE_OPTIONS=--import`): tells what only the process itself knows, a line of JSON at a
 * time, in a file of its own in `SOAK_PROBE_DIR`.
 */
import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread } from "node:worker_threads";

/** What a process was at a moment. Sizes in bytes. */
export interface ProbeSample {
  /** Epoch ms. */
  readonly at: number;
  readonly pid: number;
  /** What it was started as: its command and whether it is a worker. */
  readonly role: string;
  readonly rss: number;
  /** After a collection of all that is garbage. */
  readonly heap: number;
  /** Buffers and the like, outside of the heap. */
  readonly external: number;
  /** Open files and sockets. */
  readonly fds: number;
  /** Sockets, timers, requests that keep the event loop busy. */
  readonly handles: number;
  /** How late the event loop was since the sample before, in ms. */
  readonly lagP50: number;
  readonly lagP99: number;
}

const folder = process.env.SOAK_PROBE_DIR;
if (folder !== undefined && isMainThread) probe(folder, Number(process.env.SOAK_PROBE_SECONDS));

function probe(into: string, seconds: number): void {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const timer = setInterval(() => {
    // Before the collection, which holds the loop up itself.
    const lag = [delay.percentile(50), delay.percentile(99)].map((ns) => ns / 1e6);
    collect();
    const { rss, heapUsed, external } = process.memoryUsage();
    const sample: ProbeSample = {
      at: Date.now(),
      pid: process.pid,
      role: roleOf(process.argv),
      rss,
      heap: heapUsed,
      external,
      fds: readdirSync("/proc/self/fd").length,
      handles: process.getActiveResourcesInfo().length,
      lagP50: lag[0] ?? 0,
      lagP99: lag[1] ?? 0,
    };
    appendFileSync(join(into, `${process.pid}.jsonl`), `${JSON.stringify(sample)}\n`);
    delay.reset();
  }, seconds * 1000);
  timer.unref();
}

function roleOf([, program = "", command = ""]: readonly string[]): string {
  if (program.includes("worker-process")) return "worker";
  return command === "work" ? "work" : "serve";
}
