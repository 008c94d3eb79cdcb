import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { checkObjects, checkRun, type Run } from "../faults/check-round.ts";
import { shapes } from "../faults/shapes.ts";
import { attach, attachToObjects, compareSeen } from "../faults/watchers.ts";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import type { MillraceProcess } from "../support/millrace-process.ts";
import { NatsServer } from "../support/nats-servers.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { Random } from "../support/random.ts";

/** What can be done to a service of many nodes. */
const FAULTS = [
  "a worker killed",
  "a server killed",
  "a worker frozen",
  "a node stopped",
  "NATS killed",
  "PostgreSQL killed",
] as const;

/** @see FAULTS */
export type Fault = (typeof FAULTS)[number];

/** What a round has been through. */
export interface ChaosReport {
  readonly faults: Readonly<Partial<Record<Fault, number>>>;
  readonly executions: number;
  /** In the journals. */
  readonly events: number;
  readonly clients: number;
  /** Events that clients saw, each compared with the journal's. */
  readonly compared: number;
}

const ROUND_MS = 300_000;

/** A worker is frozen for so long, in milliseconds: past its lease of 2 s. */
const FROZEN_MS = [2_500, 4_000] as const;

/**
 * Starts a run of every shape on two nodes that serve and two that work, with clients attached to one address, does
 * `count` things to them, and checks what is left.
 */
export async function chaosRound(options: { readonly seed: number; readonly count: number }): Promise<ChaosReport> {
  const random = new Random(options.seed);
  const over = new AbortController();
  const waited = new Set<string>();
  const timer = setTimeout(() => {
    over.abort(new Error(`The round does not come to its end; it waits for ${[...waited].join(", ") || "the runs"}.`));
  }, ROUND_MS);
  await using postgres = await PostgresServer.start();
  await using nats = await NatsServer.start();
  await using fleet = await Fleet.start(["serve", "serve", "work", "work"], {
    env: { MILLRACE_DATABASE_URL: postgres.url(), MILLRACE_NATS_URL: nats.url },
    flags: ["--shutdown-grace", "0.1"],
  });
  try {
    const runs: Run[] = [];
    for (const shape of shapes(random)) {
      const id = await fleet.run(shape.yaml);
      runs.push({ shape, id, path: `/api/v1/executions/${id}/events` });
    }
    const watchers = attach(fleet.url, runs, over.signal, waited);
    const stored = attachToObjects(fleet.url, runs, over.signal);
    const faults = await harm({ fleet, postgres, nats, random, count: options.count });
    return await Promise.race([
      (async () => {
        await cancelEndless(fleet, runs);
        for (const { id, shape } of runs) {
          const over = await fleet.client.executions.wait(id, 120);
          assert.ok(over, `"${shape.name}" comes to its end`);
        }
        const journals = new Map<Run, Awaited<ReturnType<typeof checkRun>>>();
        for (const run of runs) {
          // Objects are in the database: a message that writes one while that is away is tried again.
          const { shape } = run;
          const checked = shape.objects === undefined ? run : { ...run, shape: { ...shape, retries: null } };
          journals.set(run, await checkRun(fleet, checked));
        }
        let compared = await compareSeen(journals, watchers);
        for (const { run, seen } of stored) {
          const told = await seen;
          // What a crash has left unlisted, and is found once the run is over, comes after its end.
          const last = Number(journals.get(run)?.at(-1)?.id);
          const ids = (await checkObjects(fleet, run)).filter((id) => Number(id) <= last || told.includes(id));
          assert.deepEqual(told, ids, `a socket on the objects of "${run.shape.name}" saw each once, in order`);
          compared += ids.length;
        }
        const events = [...journals.values()].reduce((sum, journal) => sum + journal.length, 0);
        return { faults, executions: runs.length, events, clients: watchers.length + stored.length, compared };
      })(),
      new Promise<never>((_, reject) => over.signal.addEventListener("abort", () => reject(over.signal.reason))),
    ]);
  } catch (error) {
    console.error(fleet.stderr);
    throw error;
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}

async function harm(on: {
  fleet: Fleet;
  postgres: PostgresServer;
  nats: NatsServer;
  random: Random;
  count: number;
}): Promise<Partial<Record<Fault, number>>> {
  const { fleet, postgres, nats, random } = on;
  const [serving, working] = [fleet.nodes.slice(0, 2), fleet.nodes.slice(2)];
  const one = (nodes: readonly MillraceProcess[]) => {
    const node = nodes[random.between(0, nodes.length - 1)];
    assert.ok(node !== undefined);
    return node;
  };
  const again = async (node: MillraceProcess, signal: NodeJS.Signals) => {
    await node.end(signal);
    await wait(random.between(0, 1_500));
    // As a supervisor does: one that comes while PostgreSQL or NATS is not there yet ends, and is started again.
    await eventually(() => node.start());
  };
  const faults: Partial<Record<Fault, number>> = {};
  for (let done = 0; done < on.count; done += 1) {
    await wait(random.between(50, 900));
    const fault = FAULTS[random.between(0, FAULTS.length - 1)] ?? "a worker killed";
    faults[fault] = (faults[fault] ?? 0) + 1;
    switch (fault) {
      case "a worker killed":
        await again(one(working), "SIGKILL");
        break;
      case "a server killed":
        await again(one(serving), "SIGKILL");
        break;
      case "a node stopped":
        await again(one(fleet.nodes), "SIGTERM");
        break;
      case "a worker frozen": {
        const worker = one(working);
        worker.freeze(true);
        await wait(random.between(...FROZEN_MS));
        worker.freeze(false);
        break;
      }
      case "NATS killed":
        await nats.end("SIGKILL");
        await wait(random.between(0, 1_500));
        await nats.start();
        break;
      case "PostgreSQL killed":
        await postgres.end("SIGKILL");
        await wait(random.between(0, 1_500));
        await postgres.start();
        break;
    }
  }
  return faults;
}

async function cancelEndless(fleet: Fleet, runs: readonly Run[]): Promise<void> {
  const run = runs.find(({ shape }) => shape.status === "cancelled");
  if (run === undefined) return;
  await eventually(() => fleet.client.executions.cancel(run.id));
}
