import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { RawReader } from "../support/raw-reader.ts";
import { type Frame, readStream } from "../support/read-stream.ts";
import type { Soaked } from "./soaked.ts";

/** A client of a run's stream: resolves with the ids of the events that it saw, in order, when the run is over. */
export interface Watch {
  readonly what: string;
  readonly seen: Promise<string[]>;
}

const EVENTS = new Set(["initiated", "processing", "completed", "failed"]);
const OVER = new Set(["completed", "failed", "cancelled"]);

/** Attaches clients of every kind to a run: from the start, late, cut off again and again, slow, and gone at once. */
export function watchRun(soaked: Soaked, id: string): Watch[] {
  const path = `/api/v1/executions/${id}/events`;
  const watches: [string, Promise<string[]>][] = [
    ["the client library", followed(soaked, id)],
    ["a client that is cut off", resuming(soaked, path)],
  ];
  if (soaked.random.chance(0.5)) watches.push(["a late client", late(soaked, path)]);
  if (soaked.random.chance(0.5)) watches.push(["a slow client", slow(soaked, path)]);
  gone(soaked, path, soaked.random.between(1, 4));
  for (const [, seen] of watches) seen.catch(() => undefined);
  soaked.count("streams", watches.length);
  return watches.map(([what, seen]) => ({ what, seen }));
}

/** That each client saw each event of the journal once, in order. Returns how many events that were. */
export async function compareWatches(watches: readonly Watch[], journal: readonly string[]): Promise<number> {
  for (const { what, seen } of watches) {
    const ids = await seen;
    if (ids.length === journal.length && ids.every((id, index) => id === journal[index])) continue;
    const known = new Set(journal);
    const distinct = new Set(ids);
    const lost = journal.filter((id) => !distinct.has(id));
    const strange = ids.filter((id) => !known.has(id));
    assert.fail(
      `${what} saw ${ids.length} events of ${journal.length}: ${lost.length} lost (${lost.slice(0, 3)}), ${ids.length - distinct.size} twice, ${strange.length} of no journal`,
    );
  }
  return watches.length * journal.length;
}

async function followed(soaked: Soaked, id: string): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of soaked.service.client.executions.events(id)) {
    if (!EVENTS.has(event.type)) continue;
    seen.push(event.id);
    if ("timestamp" in event) soaked.delivery.add(Math.max(0, Date.now() - Date.parse(event.timestamp)));
  }
  return seen;
}

/** Goes away in the middle, and comes back with the last id that it had. */
async function resuming(soaked: Soaked, path: string): Promise<string[]> {
  const seen: string[] = [];
  let cursor = "";
  while (true) {
    let left = soaked.random.between(20, 400);
    let ended = false;
    const take = (frame: Frame) => {
      cursor = frame.id ?? cursor;
      if (EVENTS.has(frame.event)) seen.push(frame.id ?? "");
      ended = frame.event === "end" && OVER.has(String(frame.data.reason));
      left -= 1;
      return ended || left === 0;
    };
    const { status } = await readStream(`${soaked.service.url}${path}`, {
      ...(cursor === "" ? {} : { headers: { "last-event-id": cursor } }),
      until: take,
    }).catch(() => ({ status: 0 }));
    if (ended || status === 204) return seen;
    soaked.count("resumed");
    if (status >= 400 && status !== 503) throw new Error(`The service answers ${path} with ${status}.`);
    await wait(soaked.random.between(5, 200));
  }
}

async function late(soaked: Soaked, path: string): Promise<string[]> {
  await wait(soaked.random.between(200, 3000));
  return resuming(soaked, path);
}

/** Reads a little, then nothing for a while: what is to come waits in the journal. */
async function slow(soaked: Soaked, path: string): Promise<string[]> {
  const reader = await RawReader.open(`${soaked.service.url}${path}`);
  try {
    while (!reader.socket.closed) {
      reader.pause();
      await wait(soaked.random.between(50, 800));
      reader.resume();
      await Promise.race([reader.ended(), wait(soaked.random.between(1, 30))]);
    }
    const last = reader.frames.at(-1);
    const seen = reader.frames.filter(({ event }) => EVENTS.has(event)).map(({ id }) => id ?? "");
    if (last?.event === "end" && OVER.has(String(last.data.reason))) return seen;
    // Its process was killed: another connection has the rest.
    return seen.concat(await rest(soaked, path, seen.at(-1) ?? ""));
  } finally {
    reader.cut();
  }
}

async function rest(soaked: Soaked, path: string, cursor: string): Promise<string[]> {
  const seen: string[] = [];
  let from = cursor;
  while (true) {
    const { status, frames } = await readStream(
      `${soaked.service.url}${path}`,
      from === "" ? {} : { headers: { "last-event-id": from } },
    ).catch(() => ({ status: 0, frames: [] }));
    for (const frame of frames) {
      from = frame.id ?? from;
      if (EVENTS.has(frame.event)) seen.push(frame.id ?? "");
    }
    const last = frames.at(-1);
    if (status === 204 || (last?.event === "end" && OVER.has(String(last.data.reason)))) return seen;
    if (status >= 400 && status !== 503) throw new Error(`The service answers ${path} with ${status}.`);
    await wait(100);
  }
}

/** Streams that are opened and broken off at once, as tabs are. */
function gone(soaked: Soaked, path: string, count: number): void {
  for (let nth = 0; nth < count; nth += 1) {
    soaked.count("streams broken off");
    RawReader.open(`${soaked.service.url}${path}${nth % 2 === 0 ? "" : "?view=progress"}`).then(
      async (reader) => {
        await wait(soaked.random.between(0, 300));
        reader.cut();
      },
      () => undefined,
    );
  }
}
