import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Journal } from "@millrace/engine";
import type { Health } from "@millrace/protocol";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Audit } from "./access/audit-trail.ts";
import type { Authenticate } from "./access/credentials.ts";
import { listen } from "./http/listen.ts";
import type { Limits } from "./limits/limits.ts";
import type { MetricJson } from "./metrics/gather.ts";
import type { Settings } from "./settings.ts";
import type { StreamHub } from "./stream/hub.ts";
import type { ReadProgress } from "./stream/progress-feed.ts";
import type { StreamGate } from "./workers/stream-gate.ts";
import { Workers } from "./workers/workers.ts";

/** What serves the port: this process, or workers. */
export interface Front {
  readonly port: number;
  /** How many streams are open, and what else there is to say of its health. */
  look(): Promise<{ readonly streams: number; readonly components: Health["components"] }>;
  /** What its workers count; nothing where there are none. */
  metrics(): Promise<readonly (readonly MetricJson[])[]>;
  /** Room for `wanted` streams more that this process opens beside its workers; resolves with how many it got. */
  moreStreams(wanted: number): Promise<number>;
  /** Of the streams that workers serve. @see StreamHub.endOf */
  endStreamsOf(openedBy: string): void;
  /** Ends every stream with reason `shutdown`, and takes no more. */
  endStreams(): Promise<void>;
  /** Closes the port and all connections. */
  close(): Promise<void>;
}

/** What a front stands on. */
export interface FrontParts {
  readonly app: FastifyInstance;
  readonly hub: StreamHub;
  /** Of the streams of objects, which this process serves. */
  readonly objectHub: StreamHub;
  /** Lets them in, where there are workers. */
  readonly objectGate: StreamGate | null;
  readonly journal: Journal;
  readonly readProgress: ReadProgress;
  readonly authenticate: Authenticate;
  readonly audit: Audit;
  /** Whether requests need a credential. */
  readonly accessControl: boolean;
  /** What callers may have, over all workers. */
  readonly limits: Limits;
  readonly settings: Settings;
  readonly log: Logger;
}

/**
 * Listens, in this process or with as many workers as the settings say.
 * @throws MillraceError SETTING_INVALID where workers cannot share a port here; the system's own errors of listening
 */
export function openFront(parts: FrontParts): Promise<Front> {
  return parts.settings.workers === 1 ? listenHere(parts) : listenWithWorkers(parts);
}

async function listenHere({ app, hub, objectHub, settings }: FrontParts): Promise<Front> {
  const port = await listen(app, { host: settings.host, port: settings.port });
  return {
    port,
    look: async () => ({ streams: hub.size + objectHub.size, components: {} }),
    metrics: async () => [],
    moreStreams: async () => 0,
    endStreamsOf() {},
    async endStreams() {
      await Promise.all([hub.close(), objectHub.close()]);
    },
    close() {
      hub.cut();
      objectHub.cut();
      return app.close();
    },
  };
}

/** The application listens on a socket that is for this user alone; the port is the workers'. */
async function listenWithWorkers(parts: FrontParts): Promise<Front> {
  const {
    app,
    hub,
    objectHub,
    objectGate,
    journal,
    readProgress,
    authenticate,
    accessControl,
    audit,
    limits,
    settings,
    log,
  } = parts;
  const folder = mkdtempSync(join(tmpdir(), "millrace-"));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", removeFolder);
  const close = async () => {
    await app.close();
    removeFolder();
    process.off("exit", removeFolder);
  };
  try {
    const apiSocket = join(folder, "api.sock");
    await listen(app, { path: apiSocket });
    const workers = await Workers.start({
      settings,
      journal,
      readProgress,
      apiSocket,
      log,
      own: objectGate,
      authenticate,
      accessControl,
      audit,
      limits,
    });
    return {
      port: workers.port,
      async look() {
        const { health, streams } = await workers.look();
        return { streams: streams + objectHub.size, components: { workers: health } };
      },
      metrics: () => workers.metrics(),
      moreStreams: (wanted) => workers.moreStreams(wanted),
      endStreamsOf: (openedBy) => workers.endStreamsOf(openedBy),
      async endStreams() {
        await Promise.all([workers.endStreams(), hub.close(), objectHub.close()]);
      },
      async close() {
        objectHub.cut();
        // In this order: whatever was passed on has its answer, or none, when the workers close.
        await app.close();
        await workers.stop();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
