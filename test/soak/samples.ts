import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { onDatabase } from "../../packages/stores/src/support/postgres.ts";
import type { ProbeSample } from "./probe.ts";
import type { Soaked } from "./soaked.ts";
import type { Window } from "./windows.ts";

/** One figure of the service at a moment; the name tells its unit. */
export interface Sample {
  /** Epoch ms. */
  readonly at: number;
  /** The process that it is of; empty for figures of the whole service. */
  readonly of: string;
  readonly name: string;
  readonly value: number;
}

const MB = 1024 * 1024;

/** Gathers what processes tell of themselves, and what clients measure, into memory and a CSV file. */
export class Samples {
  readonly all: Sample[] = [];
  readonly probes: string;
  readonly #file: string;
  readonly #read = new Map<string, number>();

  constructor(folder: string) {
    this.probes = join(folder, "probes");
    this.#file = join(folder, "samples.csv");
    mkdirSync(this.probes, { recursive: true });
    writeFileSync(this.#file, "at,of,name,value\n");
  }

  async take(soaked: Soaked): Promise<void> {
    const at = Date.now();
    const fresh: Sample[] = [];
    const add = (of: string, name: string, value: number, when = at) => fresh.push({ at: when, of, name, value });
    for (const probe of this.#probed()) {
      const of = `${probe.role} ${probe.pid}`;
      add(of, "rss_mb", probe.rss / MB, probe.at);
      add(of, "heap_mb", probe.heap / MB, probe.at);
      add(of, "external_mb", probe.external / MB, probe.at);
      add(of, "fds", probe.fds, probe.at);
      add(of, "handles", probe.handles, probe.at);
      add(of, "lag_p50_ms", probe.lagP50, probe.at);
      add(of, "lag_p99_ms", probe.lagP99, probe.at);
    }
    const latencies = (name: string, window: Window) => {
      const taken = window.take();
      if (taken === null) return;
      add("", `${name}_p50_ms`, taken.p50);
      add("", `${name}_p99_ms`, taken.p99);
      add("", `${name}_count`, taken.count);
    };
    latencies("call", soaked.calls);
    latencies("delivery", soaked.delivery);
    add("", "machine_load", loadavg()[0] ?? 0);
    const { dataDir, databaseUrl } = soaked.service;
    if (databaseUrl === null) {
      add("", "database_mb", sizeOf(join(dataDir, "millrace.db")) / MB);
      add("", "wal_mb", sizeOf(join(dataDir, "millrace.db-wal")) / MB);
    } else {
      const [row] = await onDatabase(databaseUrl, "SELECT pg_database_size(current_database()) AS bytes");
      add("", "database_mb", Number(row?.bytes ?? 0) / MB);
    }
    const { total } = await soaked.service.client.executions.list({ limit: 1 }).catch(() => ({ total: Number.NaN }));
    if (!Number.isNaN(total)) add("", "executions_kept", total);
    this.all.push(...fresh);
    const lines = fresh.map((each) => `${new Date(each.at).toISOString()},${each.of},${each.name},${each.value}\n`);
    appendFileSync(this.#file, lines.join(""));
  }

  /** The lines that were not read yet. */
  *#probed(): Generator<ProbeSample> {
    for (const name of readdirSync(this.probes)) {
      const lines = readFileSync(join(this.probes, name), "utf8").split("\n").slice(0, -1);
      for (const line of lines.slice(this.#read.get(name) ?? 0)) yield JSON.parse(line);
      this.#read.set(name, lines.length);
    }
  }
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}
