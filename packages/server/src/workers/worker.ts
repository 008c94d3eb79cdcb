/**
 * A worker's process: serves the port together with its fellows. Event streams it answers itself, from a connection of
 * its own to the database and from the commits that the main process sends; all else it passes on to the main process.
 * It lives as long as the line to the main process, and no longer.
 */
import { rmSync } from "node:fs";
import { connect, Socket } from "node:net";
import { dirname, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { MillraceError } from "@millrace/protocol";
import { openSqliteReader, type SqliteReader } from "@millrace/stores/sqlite-reader";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { credentialsOf } from "../access/credentials.ts";
import type { Principal } from "../access/principal.ts";
import { ticketOf } from "../http/access-hook.ts";
import { createHttpApp } from "../http/app.ts";
import { listen } from "../http/listen.ts";
import { WorkerLimits } from "../limits/worker-limits.ts";
import { createLog } from "../log/create-log.ts";
import { metricsOf } from "../metrics/gather.ts";
import { addConnections } from "../metrics/http-metrics.ts";
import { createMetrics, type Metrics } from "../metrics/metrics.ts";
import { addProcessMetrics } from "../metrics/process-metrics.ts";
import { addLagGauges, addStreamGauges, countedBy } from "../metrics/stream-gauges.ts";
import { knowOwnCredentials } from "../secrets/own-credentials.ts";
import { eventsEndpoints } from "../stream/events-endpoints.ts";
import { StreamHub } from "../stream/hub.ts";
import { openTracing, type Tracing } from "../traces/tracing.ts";
import type { Handlers, MainCalls, WorkerCalls } from "./calls.ts";
import { Channel } from "./channel.ts";
import { createForward, type ForwardAgent } from "./forward.ts";
import { StreamGate } from "./stream-gate.ts";
import { WatchedJournal } from "./watched-journal.ts";

/** The file descriptor of the line to the main process, which has opened it. */
const CHANNEL_FD = 3;

/** Answers that are under way are waited for so long at the end, in milliseconds. */
const SETTLE_MS = 1_000;

/** A process that is being killed may take connections for so long at the most, in milliseconds. */
const LOOK_MS = 500;

/** What there is once the worker is started. */
interface Started {
  readonly host: string;
  readonly log: Logger;
  readonly reader: SqliteReader;
  readonly journal: WatchedJournal;
  readonly hub: StreamHub;
  readonly gate: StreamGate;
  readonly app: FastifyInstance;
  /** Null: nothing is counted. */
  readonly metrics: Metrics | null;
  readonly toMain: ForwardAgent;
  /** In a folder that goes with the last process that uses it. */
  readonly apiSocket: string;
  readonly tracing: Tracing | null;
}

let started: Started | null = null;
let closing = false;

const handlers: Handlers<WorkerCalls> = {
  async start(params) {
    started = await start(params);
    return null;
  },
  async listen({ port }) {
    const { app, host } = needStarted();
    return listen(app, { host, port, reusePort: true });
  },
  fault({ message }) {
    needStarted().journal.fault = message === null ? null : new Error(message);
    return null;
  },
  giveBackStreams: () => needStarted().gate.giveBack(),
  async metrics() {
    const { metrics } = needStarted();
    return metrics === null ? [] : metricsOf(metrics.registry);
  },
  countStreams: () => needStarted().hub.size,
  endStreamsOf({ openedBy }) {
    needStarted().hub.endOf(openedBy);
    return null;
  },
  async endStreams() {
    closing = true;
    await started?.hub.close();
    return null;
  },
  async stop() {
    if (started !== null) {
      await Promise.race([started.toMain.settled(), wait(SETTLE_MS)]);
      started.hub.cut();
      await started.app.close();
      started.reader.close();
      await started.tracing?.close();
    }
    setImmediate(() => process.exit(0));
    return null;
  },
};

const channel = new Channel<MainCalls, WorkerCalls>(
  new Socket({ fd: CHANNEL_FD, readable: true, writable: true }),
  handlers,
  {
    group: (message) => started?.journal.receive(message),
    drained: () => {},
    closed: leave,
  },
);

// A terminal's Ctrl-C, and a service manager's signal to the whole group, are for the main process to act on.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => {
    started?.log.fatal({ err: error }, "unexpected error in a worker");
    process.exit(70);
  });
}

/** Ends this process at once, after a look whether the main process could clean up behind itself. */
function leave(): void {
  if (started === null) process.exit(0);
  const { apiSocket } = started;
  const look = connect(apiSocket);
  look.on("error", () => {});
  // Somebody listens, and goes on doing so: only the line to this worker is broken.
  look.on("connect", () => setTimeout(() => process.exit(0), LOOK_MS));
  // Nobody does, or a process that was being killed did for a moment more.
  look.on("close", () => {
    removeFolder(dirname(apiSocket));
    process.exit(0);
  });
}

async function start(params: WorkerCalls["start"]["params"]): Promise<Started> {
  const { settings, apiSocket, accessControl, streams, head, fault } = params;
  const metrics = settings.metrics ? createMetrics() : null;
  knowOwnCredentials(settings, process.env);
  const log = createLog(settings, { worker: process.pid });
  const reader = openSqliteReader(resolve(settings.data_dir));
  const journal = new WatchedJournal(reader.journal, channel, head);
  if (fault !== null) journal.fault = new Error(fault);
  const gate = new StreamGate(streams, (wanted) => channel.call("moreStreams", { wanted }));
  const hub = new StreamHub({
    journal,
    records: reader.records,
    readProgress: (executionId) => channel.call("progress", { executionId }),
    get maxSubscribers() {
      return gate.limit;
    },
    ...countedBy(metrics),
    watch: (executionId) => journal.watch(executionId),
    unwatch: (executionId) => journal.unwatch(executionId),
  });
  journal.onUnread = (executionId, last) => hub.markUnread(executionId, last);
  const toMain = createForward(apiSocket, settings.max_body_bytes);
  const tracing = await openTracing(settings, log);
  const endpoints = eventsEndpoints({ hub, journal, records: reader.records });
  const app = await createHttpApp(
    endpoints.map((endpoint) => gate.guard(endpoint, hub)),
    {
      maxBodyBytes: settings.max_body_bytes,
      maxHeaderBytes: settings.max_header_bytes,
      corsOrigins: settings.cors_origins,
      forward: toMain.forward,
      authenticate,
      // Streams change nothing: what is refused is all there is to write down.
      audit: { note: async () => {}, refused: (audited) => void channel.call("auditRefused", audited).catch(() => {}) },
      edge: { settings, accessControl, limits: { limits: new WorkerLimits(channel), runs: null } },
      metrics,
      tracing,
    },
    log,
    () => closing,
  );
  if (metrics !== null) {
    const name = `worker-${params.number}`;
    addProcessMetrics(metrics, name);
    addConnections(metrics, app.server);
    addStreamGauges(metrics, hub, null);
    addLagGauges(metrics, hub, name);
  }
  return { host: settings.host, log, reader, journal, hub, gate, app, metrics, toMain, apiSocket, tracing };
}

/** The main process knows the keys, and whether any are needed. */
async function authenticate(request: FastifyRequest): Promise<Principal> {
  const known = await channel.call("authenticate", credentialsOf(request, ticketOf(request)));
  if ("refused" in known) throw new MillraceError(known.refused.code, known.refused.message);
  return known;
}

function needStarted(): Started {
  if (started === null) throw new MillraceError("INTERNAL", "The worker is not started.");
  return started;
}

/** All workers of a process that was killed do it at once, and may stumble over each other. */
function removeFolder(path: string): void {
  for (let tries = 0; tries < 10; tries += 1) {
    try {
      rmSync(path, { recursive: true, force: true });
      return;
    } catch {
      // What another has removed meanwhile is not to be found: again, with what is left.
    }
  }
}
