import { hash } from "node:crypto";
import { readdir, realpath, stat } from "node:fs/promises";
import { join, matchesGlob, relative, resolve } from "node:path";
import { type FilePlaces, filePlaces, NOT_GRANTED } from "@millrace/adapters";
import type { Clock, Ids, TriggerRecord, Triggers } from "@millrace/engine";
import type { FolderSpec, JsonObject } from "@millrace/protocol";
import { folderOf, timeOf } from "./trigger-view.ts";

/** What the watch of folders stands on. */
export interface FolderWatchParts {
  readonly triggers: Triggers;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Which files pipelines may reach; without it any. */
  readonly places?: FilePlaces;
}

/** Between two looks into a folder, in milliseconds. */
const EVERY_MS = 2_000;

/** Files of a folder that are looked at; with more than that it is not watched. */
const MOST_FILES = 100_000;

/** The times of files are behind the clock by up to a tick of the system: a new one must not look old. */
const CLOCK_TICK_MS = 20;

const PAGE = 1_000;

/** A file that was found, as it was then. */
interface Found {
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly modifiedAt: number;
  readonly changedAt: number;
  readonly key: string;
}

/** What is remembered of a folder between two looks. */
interface Watched {
  lookedAt: number;
  /** Files that are not taken yet, by key: since when each is as it is. */
  waiting: Map<string, number>;
  /** Files that need no look into the store any more. */
  done: Set<string>;
  problem: string | null;
}

/**
 * Looks into the folders of triggers, and sets them off for files that are new. Which were seen is in the store, so a file
 * sets a trigger off once, whatever happens to the process, and however many nodes have the folder.
 */
export class FolderWatch {
  readonly #parts: FolderWatchParts;
  readonly #watched = new Map<string, Watched>();

  constructor(parts: FolderWatchParts) {
    this.#parts = parts;
  }

  /** Why the folder of a trigger cannot be watched by this process; null where it can. */
  problemOf(triggerId: string): string | null {
    return this.#watched.get(triggerId)?.problem ?? null;
  }

  /** Looks into the folders whose turn it is. */
  async pass(signal: AbortSignal): Promise<void> {
    const { triggers, clock } = this.#parts;
    const present = new Set<string>();
    for (let offset = 0; ; offset += PAGE) {
      const { items, total } = await triggers.list({ project: null, kind: "folder", limit: PAGE, offset });
      for (const trigger of items) {
        if (signal.aborted) return;
        if (!trigger.enabled) continue;
        const id = `${trigger.id}`;
        present.add(id);
        const watched = this.#watched.get(id) ?? newWatched();
        this.#watched.set(id, watched);
        if (Math.abs(clock.now() - watched.lookedAt) < EVERY_MS) continue;
        watched.lookedAt = clock.now();
        await this.#look(trigger, watched);
      }
      if (offset + items.length >= total) break;
    }
    for (const id of this.#watched.keys()) if (!present.has(id)) this.#watched.delete(id);
  }

  async #look(trigger: TriggerRecord, watched: Watched): Promise<void> {
    const { triggers, clock, ids } = this.#parts;
    const spec = folderOf(trigger);
    let files: Found[];
    try {
      files = await filesOf(spec, this.#parts.places ?? filePlaces(null));
      watched.problem = null;
    } catch (error) {
      watched.problem = `The folder ${spec.path} cannot be watched: ${error instanceof Error ? error.message : error}`;
      return;
    }
    const unknown = files.filter(({ key }) => !watched.done.has(key)).map(({ key }) => key);
    const seen = await triggers.seen(trigger.id, unknown);
    const now = clock.now();
    const before = watched.waiting;
    const done = new Set<string>();
    watched.waiting = new Map();
    for (const file of files) {
      const old = spec.existing === "ignore" && file.changedAt < spec.since - CLOCK_TICK_MS;
      if (old || watched.done.has(file.key) || seen.has(file.key)) {
        done.add(file.key);
        continue;
      }
      const since = before.get(file.key) ?? now;
      if (now - since < spec.settle_seconds * 1000) {
        watched.waiting.set(file.key, since);
        continue;
      }
      const firing = {
        id: ids.uuid(),
        triggerId: trigger.id,
        key: `file:${file.key}`,
        dueAt: now,
        at: now,
        payload: payloadOf(spec, file),
        skipped: null,
      };
      await triggers.fire(firing, { seen: true });
      done.add(file.key);
    }
    watched.done = done;
  }
}

function newWatched(): Watched {
  return { lookedAt: Number.NEGATIVE_INFINITY, waiting: new Map(), done: new Set(), problem: null };
}

async function filesOf(spec: FolderSpec, places: FilePlaces): Promise<Found[]> {
  const notGranted = new Error(NOT_GRANTED);
  // Before it is looked for: whether there is such a folder is not told either.
  if (!places.mayLead(resolve(spec.path))) throw notGranted;
  if (!places.allows(await realpath(spec.path))) throw notGranted;
  const recursive = spec.glob.includes("/");
  const entries = await readdir(spec.path, { withFileTypes: true, recursive });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => matchesGlob(relative(spec.path, path), spec.glob) && places.mayLead(resolve(path)));
  if (paths.length > MOST_FILES)
    throw new Error(`it has ${paths.length} files that fit ${spec.glob}, and ${MOST_FILES} are the most`);
  const files: Found[] = [];
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (found === null) continue;
    // A name that is not UTF-8 comes with characters in place of its bytes, and cannot be opened: stat has left it out.
    const key = hash("sha256", `${path}\n${found.mtimeMs}\n${found.size}`);
    const { size, mtimeMs: modifiedAt, ctimeMs: changedAt } = found;
    files.push({ path, name: relative(spec.path, path), size, modifiedAt, changedAt, key });
  }
  return files.sort((a, b) => a.modifiedAt - b.modifiedAt || (a.path < b.path ? -1 : 1));
}

function payloadOf(spec: FolderSpec, file: Found): JsonObject {
  const values = { path: file.path, name: file.name, size: file.size, modified_at: timeOf(file.modifiedAt) };
  return Object.fromEntries(Object.entries(spec.fields).map(([field, property]) => [field, values[property]]));
}
