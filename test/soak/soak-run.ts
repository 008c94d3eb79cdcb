import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { eventually } from "../support/eventually.ts";
import { Random } from "../support/random.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { SHARED_STACK } from "../support/shared-stack.ts";
import { workerPids } from "../support/worker-pids.ts";
import { callAfterCall } from "./calls.ts";
import { runAfterRun } from "./runs.ts";
import { Samples } from "./samples.ts";
import { Soaked } from "./soaked.ts";
import { Triggered } from "./triggered.ts";
import { type Judged, judge } from "./verdict.ts";

/** How long, and how hard. */
export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Processes that serve the port. */
  readonly workers: number;
  /** Runs at once. */
  readonly runs: number;
  /** Calls of the API a second. */
  readonly calls: number;
  readonly sampleSeconds: number;
  /** Minutes between two kills of a worker process, or of the node that works; 0: none. One process alone is never killed. */
  readonly restartMinutes: number;
  /** Executions that retention leaves. */
  readonly retain: number;
  /** Where the samples and the summary go. */
  readonly folder: string;
}

/** What came of it. */
export interface SoakReport {
  readonly options: SoakOptions;
  readonly begun: string;
  readonly ended: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
  readonly judged: readonly Judged[];
  readonly sound: boolean;
}

/** Puts a service under mixed load, samples it, and judges it. */
export async function soak(options: SoakOptions, tell: (line: string) => void): Promise<SoakReport> {
  mkdirSync(options.folder, { recursive: true });
  const samples = new Samples(options.folder);
  const probe = pathToFileURL(join(import.meta.dirname, "probe.ts")).href;
  await using service = await ServiceProcess.start(
    [
      ...["--http-allow-hosts", "127.0.0.1", "--retain-executions", String(options.retain)],
      ...(options.workers > 1 ? ["--workers", String(options.workers)] : []),
    ],
    {
      NODE_OPTIONS: `--import=${probe}`,
      SOAK_PROBE_DIR: samples.probes,
      SOAK_PROBE_SECONDS: String(options.sampleSeconds),
    },
  );
  const soaked = new Soaked(service, new Random(options.seed));
  const begun = Date.now();
  await using triggered = await Triggered.start(soaked);
  const load = [
    triggered.go(),
    callAfterCall(soaked, options.calls),
    restarts(soaked, options),
    ...Array.from({ length: options.runs }, () => runAfterRun(soaked)),
  ].map((part) => part.catch((error: unknown) => soaked.fail("load", error)));
  const until = begun + options.minutes * 60_000;
  for (let told = begun; Date.now() < until; ) {
    await wait(Math.min(options.sampleSeconds * 1000, until - Date.now()));
    await samples.take(soaked);
    if (Date.now() - told < 60_000) continue;
    told = Date.now();
    tell(`${Math.round((told - begun) / 60_000)} min: ${JSON.stringify(soaked.counts)}`);
  }
  const ended = Date.now();
  soaked.stop.abort();
  await Promise.all(load);
  await Promise.all([
    triggered.check().catch((error: unknown) => soaked.fail("triggers", error)),
    nothingLeft(soaked).catch((error: unknown) => soaked.fail("stuck", error)),
  ]);
  const errors = service.stderr.split("\n").filter((line) => /"level":(?:50|60)/.test(line));
  for (const line of errors.slice(0, 20)) soaked.fail("log", new Error(line));
  const judged = judge(samples.all, begun, ended);
  const report: SoakReport = {
    options,
    begun: new Date(begun).toISOString(),
    ended: new Date(ended).toISOString(),
    counts: soaked.counts,
    failures: soaked.failures,
    judged,
    sound: soaked.failures.length === 0 && judged.every(({ flat, unjudged }) => flat || unjudged),
  };
  writeFileSync(join(options.folder, "summary.json"), JSON.stringify(report, null, 2));
  return report;
}

/** No run goes on for ever, and none is left that nobody works on. */
async function nothingLeft(soaked: Soaked): Promise<void> {
  await eventually(async () => {
    for (const status of ["running", "interrupted"] as const) {
      const { total, executions } = await soaked.service.client.executions.list({ status: [status] });
      if (total > 0) throw new Error(`${total} runs are still ${status}: ${executions.map(({ id }) => id)}`);
    }
  });
  if (soaked.open.size > 0) throw new Error(`${soaked.open.size} runs were not seen to end: ${[...soaked.open]}`);
}

/** Kills a worker process, or the node that works, again and again: what watches and waits goes on. */
async function restarts(soaked: Soaked, options: SoakOptions): Promise<void> {
  if (options.restartMinutes === 0 || (options.workers < 2 && !SHARED_STACK)) return;
  const { service, stop } = soaked;
  while (!soaked.stopping) {
    await wait(options.restartMinutes * 60_000, undefined, { signal: stop.signal }).catch(() => undefined);
    if (soaked.stopping) return;
    soaked.restarting += 1;
    soaked.count("restarts");
    try {
      if (SHARED_STACK) await service.restartWorking();
      else process.kill(soaked.pick(workerPids(service.pid)), "SIGKILL");
      await wait(10_000);
    } finally {
      soaked.restarting -= 1;
    }
  }
}
