import assert from "node:assert/strict";
import { type Attached, overEventSource, overLibrary, overSocket } from "./attached.ts";
import { objectEvents, type Run } from "./check-round.ts";

/** A client that is told of what a run writes to the object store. */
export interface ObjectWatcher {
  readonly run: Run;
  readonly seen: Promise<string[]>;
}

/** A client that is told of the events of runs. */
export interface Watcher {
  readonly what: string;
  /** Of the runs whose events it sees. */
  readonly runs: readonly Run[];
  readonly sees: (event: { type: string; route: string }) => boolean;
  readonly seen: Promise<string[]>;
}

/** Attaches clients of every kind to runs; `waited` names those that have not seen the end. */
export function attach(url: string, runs: readonly Run[], signal: AbortSignal, waited: Set<string>): Watcher[] {
  const watchers: Watcher[] = [];
  const add = (what: string, client: Attached, path: string, of: readonly Run[], sees: Watcher["sees"]) => {
    const seen = client(url, path, signal);
    waited.add(what);
    // It is waited for at the end; a round that fails before says why itself.
    seen.then(
      () => waited.delete(what),
      () => undefined,
    );
    watchers.push({ what, runs: of, sees, seen });
  };
  const all = () => true;
  for (const run of runs) {
    add(`a socket on "${run.shape.name}"`, overSocket, run.path, [run], all);
    add(`EventSource on "${run.shape.name}"`, overEventSource, run.path, [run], all);
    add(`the client library on "${run.shape.name}"`, overLibrary, run.path, [run], all);
    add(
      `a socket on what is settled in "${run.shape.name}"`,
      overSocket,
      `${run.path}?types=completed,failed&route=${run.shape.chosen.join(",")}`,
      [run],
      ({ type, route }) => (type === "completed" || type === "failed") && run.shape.chosen.includes(route),
    );
  }
  const query = runs.map(({ id }) => `execution_id=${id}`).join("&");
  add("a socket on all runs at once", overSocket, `/api/v1/events?${query}`, runs, all);
  return watchers;
}

/** Clients that are told of what a run writes to the object store. */
export function attachToObjects(url: string, runs: readonly Run[], signal: AbortSignal): ObjectWatcher[] {
  return runs
    .filter(({ shape }) => shape.objects !== undefined)
    .map((run) => {
      const seen = overSocket(url, objectEvents(run), signal);
      seen.catch(() => undefined);
      return { run, seen };
    });
}

/** That every client saw each event that is for it once, in the order of the journals. Returns how many they saw. */
export async function compareSeen(
  journals: ReadonlyMap<Run, readonly { readonly id: string; readonly type: string; readonly route: string }[]>,
  watchers: readonly Watcher[],
): Promise<number> {
  let compared = 0;
  for (const { what, runs: of, sees, seen } of watchers) {
    const expected = of
      .flatMap((run) => journals.get(run) ?? [])
      .filter(sees)
      .map(({ id }) => id)
      .sort((a, b) => Number(a) - Number(b));
    const ids = await seen;
    assert.deepEqual(ids, expected, `${what} saw each event once, in order`);
    compared += ids.length;
  }
  return compared;
}
