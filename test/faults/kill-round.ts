import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { Random } from "../support/random.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { checkFile, checkFolder, checkKept, checkObjects, checkRun, type Run } from "./check-round.ts";
import { shapes } from "./shapes.ts";
import { attach, attachToObjects, compareSeen, type ObjectWatcher, type Watcher } from "./watchers.ts";

/** What a round has been through. */
export interface RoundReport {
  /** By SIGKILL, while it served or while it was starting. */
  readonly kills: number;
  readonly startsKilled: number;
  /** By SIGTERM, amid commits. */
  readonly terminations: number;
  readonly executions: number;
  /** In the journals. */
  readonly events: number;
  readonly clients: number;
  /** Events that clients saw, each compared with the journal's. */
  readonly compared: number;
}

/** A message that is in flight at ten deaths is given up for good, so a round must have fewer. */
export const MOST_KILLS_A_ROUND = 8;

const ROUND_MS = 240_000;

/** Starts a run of every shape with clients attached, kills the service `kills` times, and checks what is left. */
export async function killRound(options: { seed: number; kills: number; workers: number }): Promise<RoundReport> {
  const random = new Random(options.seed);
  const over = new AbortController();
  const waited = new Set<string>();
  const timer = setTimeout(() => {
    over.abort(new Error(`The round does not come to its end; it waits for ${[...waited].join(", ") || "the runs"}.`));
  }, ROUND_MS);
  await using service = await onFixedPort(options.workers);
  try {
    const runs = await Promise.all(
      shapes(random).map(async (shape): Promise<Run> => {
        const id = await service.run(shape.yaml);
        return { shape, id, path: `/api/v1/executions/${id}/events` };
      }),
    );
    const watchers = attach(service.url, runs, over.signal, waited);
    const stored = attachToObjects(service.url, runs, over.signal);
    const ends = await endAgainAndAgain(service, runs, random, options.kills);
    const report = await Promise.race([check(service, runs, watchers, stored), failed(over.signal)]);
    return { ...ends, ...report };
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}

/**
 * A service on a port outside of the range that the system gives to clients: while the service is down, its own port
 * could be given to one that comes back. Not by the seed: two campaigns at once would meet.
 */
async function onFixedPort(workers: number): Promise<ServiceProcess> {
  for (let tries = 0; ; tries += 1) {
    const flags = ["--port", String(randomInt(20_000, 30_000)), "--shutdown-grace", "0.1"];
    try {
      return await ServiceProcess.start(workers > 1 ? [...flags, "--workers", String(workers)] : flags);
    } catch (error) {
      if (tries === 5) throw error;
    }
  }
}

async function endAgainAndAgain(service: ServiceProcess, runs: readonly Run[], random: Random, kills: number) {
  let startsKilled = 0;
  let terminations = 0;
  const cancelAt = random.between(0, kills - 1);
  for (let kill = 0; kill < kills; kill += 1) {
    await wait(random.between(10, 450));
    const cancelling = kill === cancelAt ? cancelEndless(service, runs) : undefined;
    if (random.chance(0.15)) {
      terminations += 1;
      assert.equal(await service.end("SIGTERM"), 0, `SIGTERM: ${service.stderr}`);
      await service.start();
    }
    if (cancelling !== undefined) await wait(random.between(0, 5));
    await service.end("SIGKILL");
    await cancelling;
    checkFile(service.dataDir);
    if (kill < kills - 1 && random.chance(0.2)) {
      // Killed again while it starts, at any step of it.
      kill += 1;
      startsKilled += 1;
      const starting = service.start().catch(() => undefined);
      await wait(random.between(100, 900));
      await service.end("SIGKILL");
      await starting;
      checkFile(service.dataDir);
    }
    await service.start();
  }
  await cancelUntilDone(service, runs);
  return { kills, startsKilled, terminations };
}

/** The answer may never come: the service is killed about now. */
async function cancelEndless(service: ServiceProcess, runs: readonly Run[]): Promise<void> {
  const run = runs.find(({ shape }) => shape.status === "cancelled");
  if (run !== undefined) await service.client.executions.cancel(run.id).catch(() => undefined);
}

async function cancelUntilDone(service: ServiceProcess, runs: readonly Run[]): Promise<void> {
  await cancelEndless(service, runs);
  for (const { id, shape } of runs) await service.client.executions.wait(id, shape.status === "cancelled" ? 30 : 120);
}

async function check(
  service: ServiceProcess,
  runs: readonly Run[],
  watchers: readonly Watcher[],
  stored: readonly ObjectWatcher[],
) {
  let events = 0;
  let compared = 0;
  const journals = new Map<Run, { id: string; type: string; route: string }[]>();
  for (const run of runs) {
    const journal = await checkRun(service, run);
    journals.set(run, journal);
    events += journal.length;
  }
  compared += await compareSeen(journals, watchers);
  for (const { run, seen } of stored) {
    await checkFolder(service, run);
    const ids = await checkObjects(service, run);
    assert.deepEqual(await seen, ids, `a socket on the objects of "${run.shape.name}" saw each once, in order`);
    compared += ids.length;
  }
  const completed = new Map<string, number>();
  for (const { id } of runs) {
    const { routes } = await service.client.executions.stats(id);
    for (const route of routes) completed.set(`${id} ${route.route}`, route.completed_messages);
  }
  assert.equal(await service.end("SIGTERM"), 0, service.stderr);
  checkFile(service.dataDir);
  checkKept(service.dataDir, completed);
  return { executions: runs.length, events, clients: watchers.length + stored.length, compared };
}

function failed(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
