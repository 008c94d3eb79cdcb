import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import type { Journal } from "@millrace/engine";
import { type Health, MillraceError } from "@millrace/protocol";
import type { Logger } from "pino";
import type { Audit } from "../access/audit-trail.ts";
import type { Authenticate } from "../access/credentials.ts";
import type { Limits } from "../limits/limits.ts";
import { WorkerShare } from "../limits/worker-limits.ts";
import { leftBehind, type MetricJson, merge } from "../metrics/gather.ts";
import type { Settings } from "../settings.ts";
import type { ReadProgress } from "../stream/progress-feed.ts";
import type { Handlers, MainCalls, WorkerCalls } from "./calls.ts";
import { Channel } from "./channel.ts";
import { CommitFeed, type GroupSink } from "./commit-feed.ts";
import type { StreamGate } from "./stream-gate.ts";
import { type QuotaHolder, StreamQuota } from "./stream-quota.ts";

/** What workers are started with. */
export interface WorkersParts {
  readonly settings: Settings;
  readonly journal: Journal;
  readonly readProgress: ReadProgress;
  /** Whether requests need a credential. */
  readonly accessControl: boolean;
  readonly audit: Audit;
  /** Says whose a worker's requests are. */
  readonly authenticate: Authenticate;
  /** Where the main process answers what a worker passes on. */
  readonly apiSocket: string;
  readonly log: Logger;
  /** Lets in the streams that the main process serves itself; null where it serves none. */
  readonly own: Pick<StreamGate, "giveBack"> | null;
  /** Counted here for all of them. */
  readonly limits: Limits;
}

const WORKER_FILE = new URL("./worker-process.ts", import.meta.url).pathname;

/** A worker that has served for so long, in milliseconds, is started again at once when it ends. */
const STEADY_MS = 10_000;

/** The pause before one that ends again and again is started again grows from the first to the second, in milliseconds. */
const PAUSES_MS = [100, 10_000] as const;

/** What a worker may take to answer whether it is well, or to end, in milliseconds; it is taken for dead then. */
const PATIENCE_MS = 2_000;

/** Waits so long for the workers of a process that was killed, and that is started again at once. */
const PORT_TIMEOUT_MS = 2_000;

/** A worker's process, from its start to its end. */
interface Worker extends QuotaHolder, GroupSink {
  readonly child: ChildProcess;
  readonly channel: Channel<WorkerCalls, MainCalls>;
  /** Resolves with what ended it. */
  readonly gone: Promise<string>;
  readonly share: WorkerShare;
  /** What it counted when it was last asked. */
  metrics: readonly MetricJson[];
}

/**
 * The worker processes that share the port.
 *
 * Each of the `settings.workers` places is *starting* → *serving* → *starting* again, when its process ends … → *closed*.
 */
export class Workers {
  readonly #parts: WorkersParts;
  readonly #feed: CommitFeed;
  readonly #quota: StreamQuota;
  readonly #alive = new Set<Worker>();
  readonly #serving = new Set<Worker>();
  readonly #places: Promise<void>[] = [];
  /** The main process, as far as its own streams go. */
  readonly #own: QuotaHolder;
  readonly #stopFaults: () => void;
  readonly #ending = new AbortController();
  /** What workers counted that are gone. */
  #leftBehind: MetricJson[] = [];
  /** Which all of them share; known once the first listens. */
  #port = 0;

  private constructor(parts: WorkersParts) {
    this.#parts = parts;
    this.#feed = new CommitFeed(parts.journal);
    this.#quota = new StreamQuota(parts.settings.max_subscribers);
    this.#own = { giveBack: async () => parts.own?.giveBack() ?? 0 };
    this.#quota.join(this.#own, 1, 0);
    this.#stopFaults = parts.journal.onFault((fault) => {
      const message = fault === null ? null : fault.message;
      for (const worker of this.#serving) worker.channel.call("fault", { message }).catch(() => undefined);
    });
  }

  /**
   * Starts them; they all listen when it resolves.
   * @throws MillraceError SETTING_INVALID, where the system cannot share a port; the system's own error where it is taken
   */
  static async start(parts: WorkersParts): Promise<Workers> {
    const { host, port } = parts.settings;
    await mustShare(host);
    if (port !== 0) await mustBeFree(host, port);
    const workers = new Workers(parts);
    try {
      await workers.#startAll();
    } catch (error) {
      await workers.stop();
      throw error;
    }
    return workers;
  }

  get port(): number {
    return this.#port;
  }

  /** How the workers are, and how many streams are open in all. */
  async look(): Promise<{ health: Health["components"][string]; streams: number }> {
    const { workers: wanted } = this.#parts.settings;
    const counts = await Promise.all(
      [...this.#serving].map(({ channel }) =>
        Promise.race([channel.call("countStreams", null), wait(PATIENCE_MS, null, { ref: false })]).catch(() => null),
      ),
    );
    const answered = counts.filter((count) => count !== null);
    const status = answered.length === wanted ? "healthy" : answered.length === 0 ? "unhealthy" : "degraded";
    return {
      health: {
        status,
        detail: `${answered.length} of ${wanted} serve`,
        advice: status === "healthy" ? null : "They are started again by themselves; the log says why they ended.",
      },
      streams: answered.reduce((sum, count) => sum + count, 0),
    };
  }

  /** What each worker counts, and what those did that are gone. One that does not answer is taken to have counted no more. */
  async metrics(): Promise<(readonly MetricJson[])[]> {
    await Promise.all(
      [...this.#serving].map(async (worker) => {
        const asked = worker.channel.call("metrics", null).catch(() => null);
        const said = await Promise.race([asked, wait(PATIENCE_MS, null, { ref: false })]);
        if (said !== null) worker.metrics = said;
      }),
    );
    return [this.#leftBehind, ...[...this.#alive].map(({ metrics }) => metrics)];
  }

  /** Room for `wanted` streams more of the main process; resolves with how many it got. */
  moreStreams(wanted: number): Promise<number> {
    return this.#quota.more(this.#own, wanted);
  }

  /** @see StreamHub.endOf */
  endStreamsOf(openedBy: string): void {
    for (const { channel } of this.#serving) channel.call("endStreamsOf", { openedBy }).catch(() => undefined);
  }

  /** Ends all streams with reason `shutdown`; requests are still passed on. */
  async endStreams(): Promise<void> {
    this.#ending.abort();
    await Promise.all([...this.#serving].map(({ channel }) => channel.call("endStreams", null).catch(() => undefined)));
  }

  /** Closes the port, and ends the processes. */
  async stop(): Promise<void> {
    this.#ending.abort();
    this.#stopFaults();
    this.#feed.close();
    await Promise.all(
      [...this.#alive].map(async ({ channel, child, gone }) => {
        channel.call("stop", null).catch(() => undefined);
        const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
        await gone;
        clearTimeout(late);
      }),
    );
    await Promise.all(this.#places);
  }

  async #startAll(): Promise<void> {
    const { settings } = this.#parts;
    const first = await Promise.all(Array.from({ length: settings.workers }, (_, index) => this.#spawn(index + 1)));
    // The first one finds out which port it is, where any will do.
    for (const worker of first) await this.#listen(worker, this.#port === 0 ? settings.port : this.#port);
    for (const [index, worker] of first.entries()) this.#places.push(this.#keep(worker, index + 1));
  }

  /** Keeps one place filled, until all is closed. `number`: which, from 1. */
  async #keep(first: Worker, number: number): Promise<void> {
    let worker: Worker | null = first;
    let pauseMs: number = 0;
    while (!this.#ending.signal.aborted) {
      const startedAt = performance.now();
      let how: string;
      try {
        worker ??= await this.#restart(number);
        how = await worker.gone;
      } catch (error) {
        how = error instanceof Error ? error.message : String(error);
      }
      worker = null;
      if (this.#ending.signal.aborted) return;
      const [least, most] = PAUSES_MS;
      const steady = performance.now() - startedAt >= STEADY_MS;
      this.#parts.log.error(
        { ended: how, pause_ms: steady ? 0 : pauseMs },
        "a worker has ended; it is started again, the others go on",
      );
      if (!steady && pauseMs > 0) {
        await wait(pauseMs, undefined, { signal: this.#ending.signal, ref: false }).catch(() => undefined);
      }
      pauseMs = steady ? 0 : Math.min(most, Math.max(least, pauseMs * 2));
    }
  }

  async #restart(number: number): Promise<Worker> {
    const worker = await this.#spawn(number);
    try {
      await this.#listen(worker, this.#port);
      return worker;
    } catch (error) {
      worker.child.kill("SIGKILL");
      throw error;
    }
  }

  async #listen(worker: Worker, port: number): Promise<void> {
    this.#port = await worker.channel.call("listen", { port });
    this.#serving.add(worker);
    // It may have changed since the worker was started.
    await worker.channel.call("fault", { message: this.#parts.journal.fault?.message ?? null });
    // Started while all the others were told.
    if (this.#ending.signal.aborted) await worker.channel.call("endStreams", null);
  }

  /** Starts a process; it could listen when it resolves. */
  async #spawn(number: number): Promise<Worker> {
    const { settings, apiSocket, journal } = this.#parts;
    const child = spawn(process.execPath, [...process.execArgv, WORKER_FILE], {
      stdio: ["ignore", "ignore", "inherit", "pipe"],
    });
    const gone = once(child, "exit").then(
      ([code, signal]) => `${signal ?? `exit code ${code}`}`,
      (error) => String(error),
    );
    const share = new WorkerShare(this.#parts.limits);
    // A pipe that is opened for a child is a socket pair: both ends read and write.
    const channel = new Channel<WorkerCalls, MainCalls>(
      child.stdio[3] as Duplex,
      this.#handlers(() => worker, share),
      {
        group: () => {},
        drained: () => this.#feed.drained(worker),
        closed: () => this.#forget(worker),
      },
    );
    const worker: Worker = {
      child,
      channel,
      gone,
      share,
      metrics: [],
      get pending() {
        return channel.pending;
      },
      sendGroup: (parts) => channel.sendGroup(parts),
      giveBack: () => channel.call("giveBackStreams", null),
    };
    this.#alive.add(worker);
    const streams = this.#quota.join(worker, settings.workers, settings.max_subscribers);
    await channel.call("start", {
      settings,
      apiSocket,
      accessControl: this.#parts.accessControl,
      streams,
      head: journal.head,
      fault: journal.fault?.message ?? null,
      number,
    });
    return worker;
  }

  #handlers(worker: () => Worker, share: WorkerShare): Handlers<MainCalls> {
    return {
      ...share.handlers,
      watch: ({ topic, executionId }) => this.#feed.watch(worker(), topic, executionId),
      unwatch: ({ topic }) => {
        this.#feed.unwatch(worker(), topic);
        return null;
      },
      damage: ({ executionIds, after, maxBytes }) => {
        // It finds it by itself, and says so to everybody.
        this.#parts.journal.read(executionIds, after, maxBytes).catch(() => undefined);
        return null;
      },
      progress: ({ executionId }) => this.#parts.readProgress(executionId),
      moreStreams: ({ wanted }) => this.#quota.more(worker(), wanted),
      auditRefused: (audited) => {
        this.#parts.audit.refused(audited);
        return null;
      },
      authenticate: async (credentials) => {
        try {
          return await this.#parts.authenticate(credentials);
        } catch (error) {
          if (!(error instanceof MillraceError)) throw error;
          return { refused: { code: error.code, message: error.message } };
        }
      },
    };
  }

  #forget(worker: Worker): void {
    if (this.#alive.delete(worker)) this.#leftBehind = merge([this.#leftBehind, leftBehind(worker.metrics)]);
    this.#serving.delete(worker);
    this.#feed.drop(worker);
    this.#quota.leave(worker);
    worker.share.leave();
    // One whose line is broken is of no use.
    worker.child.kill("SIGKILL");
  }
}

/** @throws MillraceError where several processes cannot listen on one port here */
async function mustShare(host: string): Promise<void> {
  try {
    await tryListening({ host, port: 0, reusePort: true });
  } catch (error) {
    if (codeOf(error) !== "ENOTSUP") throw error;
    throw new MillraceError(
      "SETTING_INVALID",
      `workers: processes cannot share a port on this system (${process.platform}). Leave it out, or set it to 1.`,
      { cause: error },
    );
  }
}

/** A port that is shared could be shared with another service by mistake: only one that nobody has will do. */
async function mustBeFree(host: string, port: number): Promise<void> {
  const deadline = performance.now() + PORT_TIMEOUT_MS;
  while (true) {
    try {
      await tryListening({ host, port });
      return;
    } catch (error) {
      if (codeOf(error) !== "EADDRINUSE" || performance.now() > deadline) throw error;
    }
    await wait(50);
  }
}

async function tryListening(options: { host: string; port: number; reusePort?: boolean }): Promise<void> {
  const server = createServer();
  server.listen(options);
  await once(server, "listening");
  server.close();
  await once(server, "close");
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : null;
}
