import { statfs } from "node:fs/promises";
import { resolve } from "node:path";
import { knownSecrets } from "@millrace/engine";
import type { Health, HealthComponent } from "@millrace/protocol";
import type { Service } from "../service.ts";
import type { Settings } from "../settings.ts";
import { Cached } from "./cached.ts";

/** What a report is made of. */
export interface HealthParts {
  readonly service: Service;
  readonly settings: Settings;
  /** How many streams are open, and how the processes that serve them are. */
  look(): Promise<{ readonly streams: number; readonly components: Health["components"] }>;
  isClosing(): boolean;
}

/** A disk is low where both are: a small one is not low from the start. */
const LOW_BYTES = 64 * 1024 * 1024;
const LOW_SHARE = 0.05;

/** Probes give up after two seconds: what does not answer has to be told before. */
const PATIENCE_MS = 1_000;

/** By which this machine's clock and the database's may differ, in milliseconds. */
const SKEW_MS = 5_000;

/**
 * How the service is, part by part. Health is asked for by everybody, often and at once: what costs something is looked at
 * once for all of them, and seldom.
 */
export class HealthReport {
  readonly #parts: HealthParts;
  readonly #front: Cached<Awaited<ReturnType<HealthParts["look"]>>>;
  readonly #disk: Cached<{ free: number; total: number }>;
  readonly #database: Cached<number> | null;
  readonly #objects: Cached<void> | null;

  constructor(parts: HealthParts) {
    const { settings, service } = parts;
    const { database, objects } = service.lookAt;
    this.#parts = parts;
    // Asked anew each time: it is what changes.
    this.#front = new Cached(() => parts.look(), { keepMs: 0, patienceMs: 5_000 });
    this.#disk = new Cached(() => roomOf(resolve(settings.data_dir)), { keepMs: 5_000, patienceMs: PATIENCE_MS });
    this.#database =
      database === null ? null : new Cached(() => skewOf(database), { keepMs: 2_000, patienceMs: PATIENCE_MS });
    this.#objects = objects === null ? null : new Cached(objects, { keepMs: 30_000, patienceMs: PATIENCE_MS });
  }

  async read(): Promise<Health> {
    const { service, settings } = this.#parts;
    const [front, disk, database, objects] = await Promise.all([
      this.#front.read(),
      this.#disk.read(),
      this.#database?.read(),
      this.#objects?.read(),
    ]);
    const components: Health["components"] = {
      store: this.#store(database?.fault ?? null),
      ...(database === undefined ? {} : { database: databaseHealth(database.fault, database.value) }),
      ...(service.isNode ? { broker: brokerHealth(service.isConnected()) } : {}),
      // Of a node it holds a cache alone.
      ...(service.isNode ? {} : { disk: diskHealth(disk.value, disk.fault) }),
      ...(objects === undefined ? {} : { objects: objectsHealth(objects.fault) }),
      ...secretsHealth(service),
      ...tracesHealth(service),
      streams: this.#streams(front.value?.streams ?? 0),
      executions: executionsHealth(service.engine.running, settings.max_executions),
      ...front.value?.components,
    };
    const states = Object.values(components).map(({ status }) => status);
    const status = states.includes("unhealthy") ? "unhealthy" : states.includes("degraded") ? "degraded" : "healthy";
    return { status, components };
  }

  #store(unanswered: string | null): HealthComponent {
    const { journal, isNode, isConnected } = this.#parts.service;
    const fault = journal.fault?.message ?? unanswered ?? (isConnected() ? null : "NATS cannot be reached");
    if (fault === null) return healthy(null);
    return {
      // What nodes share is lost for all of them at once. Taken out of service, they could not tell whoever asks to come back.
      status: isNode ? "degraded" : "unhealthy",
      detail: knownSecrets.redact(`Commits fail: ${fault}`),
      advice: isNode
        ? "Bring back what is away: everything goes on by itself, and nothing is lost."
        : "See to the disk of the data directory: everything goes on by itself once it can be written. millrace doctor says more.",
    };
  }

  #streams(open: number): HealthComponent {
    const { settings, isClosing } = this.#parts;
    if (isClosing()) {
      return {
        status: "unhealthy",
        detail: "The service is shutting down.",
        advice: "Send requests elsewhere, or come again when it has started.",
      };
    }
    if (open < settings.max_subscribers) return healthy(`${open} open`);
    return {
      status: "degraded",
      detail: "As many streams as max_subscribers allows are open.",
      advice: "Raise max_subscribers, or add a process that serves.",
    };
  }
}

/** For whom the reasons are not: paths, hosts and figures are in them. */
export function statesAlone({ status, components }: Health): Health {
  const bare = Object.entries(components).map(([name, component]) => [
    name,
    { status: component.status, detail: null, advice: null },
  ]);
  return { status, components: Object.fromEntries(bare) };
}

function healthy(detail: string | null): HealthComponent {
  return { status: "healthy", detail, advice: null };
}

function databaseHealth(fault: string | null, skewMs: number | null): HealthComponent {
  if (fault !== null) {
    return {
      status: "degraded",
      detail: knownSecrets.redact(`The database does not answer: ${fault}`),
      advice: "Bring PostgreSQL back; millrace doctor says what it finds.",
    };
  }
  if (Math.abs(skewMs ?? 0) > SKEW_MS) {
    return {
      status: "degraded",
      detail: `This machine's clock and the database's are ${Math.round(Math.abs(skewMs ?? 0) / 1000)} s apart.`,
      advice: "Set both by NTP.",
    };
  }
  return healthy(null);
}

/** Runs that need none of them go on: what keeps secrets is never more than a degradation. */
function secretsHealth({ secrets }: Service): Health["components"] {
  const health = secrets.health();
  if (health === null) return {};
  const advice =
    health.status === "healthy" ? null : "Bring back what keeps the secrets: what waits for them goes on by itself.";
  return { secrets: { status: health.status, detail: knownSecrets.redact(health.detail), advice } };
}

/** A collector that is gone is nothing that requests or runs depend on. */
function tracesHealth({ tracing }: Service): Health["components"] {
  if (tracing === null) return {};
  const { sent, failed, dropped } = tracing.counts;
  return { traces: healthy(`${sent} spans sent, ${failed + dropped} lost`) };
}

function brokerHealth(connected: boolean): HealthComponent {
  if (connected) return healthy(null);
  return {
    status: "degraded",
    detail: "NATS cannot be reached.",
    advice: "Bring NATS back: this node comes back to it by itself.",
  };
}

function diskHealth(room: { free: number; total: number } | null, fault: string | null): HealthComponent {
  if (room === null) {
    return {
      status: "degraded",
      detail: `The disk of the data directory cannot be asked: ${fault}`,
      advice: "See whether it is mounted, and whether the folder is there.",
    };
  }
  const { free, total } = room;
  const detail = `${Math.floor(free / 1024 / 1024)} MiB of ${Math.floor(total / 1024 / 1024)} MiB are free`;
  if (free >= LOW_BYTES || free >= total * LOW_SHARE) return healthy(detail);
  return {
    status: "degraded",
    detail,
    advice: "Make room, or bound what is kept: retain_days, retain_executions, retain_bytes, keep_payloads.",
  };
}

function objectsHealth(fault: string | null): HealthComponent {
  if (fault === null) return healthy(null);
  return {
    status: "degraded",
    detail: fault,
    advice: "Messages that write objects are retried meanwhile; millrace doctor says what is wrong with the bucket.",
  };
}

function executionsHealth(running: number, limit: number): HealthComponent {
  if (running < limit) return healthy(`${running} running`);
  return {
    status: "degraded",
    detail: `${running} running, which is as many as max_executions allows: new ones are refused.`,
    advice: "Wait, cancel some, or raise max_executions.",
  };
}

async function roomOf(folder: string): Promise<{ free: number; total: number }> {
  const { bavail, bsize, blocks } = await statfs(folder);
  return { free: bavail * bsize, total: blocks * bsize };
}

/** By how many milliseconds the database's clock is ahead of this machine's. */
async function skewOf(askTime: () => Promise<number>): Promise<number> {
  const asked = Date.now();
  const now = await askTime();
  return now - (asked + Date.now()) / 2;
}
