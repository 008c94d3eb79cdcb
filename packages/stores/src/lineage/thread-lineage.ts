import { existsSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Lineage, LineageFilter, LineagePage, LineageRelatives, LineageWhere, Page } from "@millrace/engine";
import {
  type LineageEntry,
  type LineageNode,
  type LineageStats,
  type LineageStory,
  MillraceError,
} from "@millrace/protocol";
import { makeOwnFolder, removeOwnFolder } from "./own-folder.ts";
import { LINEAGE_FILE } from "./projection-file.ts";
import type { Answer, JournalPlace, Question, ThreadData } from "./thread-protocol.ts";

/** How long one question waits for the journal to be read: shorter than the patience of most clients. */
const PATIENCE_MS = 20_000;

/** A thread that nobody has asked anything for so long is ended: it holds some tens of megabytes. */
const IDLE_MS = 60_000;

/** A projection in a folder of its own that nobody has asked anything for so long is removed: it is on a disk that others use. */
const UNUSED_MS = 15 * 60_000;

/** Where the lineage is read off, and where what was read is kept. */
export interface LineagePlace {
  readonly journal: JournalPlace;
  /** Keeps the projection's file, also for the next process; null: in a temporary folder, until it is closed or long unused. */
  readonly folder: string | null;
}

/**
 * The lineage over a store's journal, read by a thread.
 *
 * States: *none* (nobody has asked yet, or for long) → *running* (a thread answers) → *none*, and *closed*. A thread that
 * dies takes its questions with it, as SERVICE_UNAVAILABLE; the next question starts another.
 */
export class ThreadLineage implements Lineage {
  readonly #place: LineagePlace;
  readonly #patienceMs: number;
  #ownFolder: string | null = null;
  #unused: NodeJS.Timeout | undefined;
  readonly #onDamage: (damage: MillraceError) => void;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  #thread: Worker | null = null;
  #idle: NodeJS.Timeout | undefined;
  #lastId = 0;
  #sweeping = false;
  #closed = false;

  /** `onDamage` is told when the thread has found that the journal is damaged. */
  constructor(
    place: LineagePlace,
    {
      onDamage = () => {},
      patienceMs = PATIENCE_MS,
    }: { onDamage?: (damage: MillraceError) => void; patienceMs?: number } = {},
  ) {
    this.#place = place;
    this.#patienceMs = patienceMs;
    this.#onDamage = onDamage;
  }

  entries(filter: LineageFilter, page: LineagePage): Promise<Page<LineageEntry>> {
    return this.#ask("entries", filter, page);
  }

  stats(filter: LineageFilter): Promise<LineageStats> {
    return this.#ask("stats", filter);
  }

  story(messageId: string, where: LineageWhere): Promise<LineageStory | null> {
    return this.#ask("story", messageId, where);
  }

  relatives(messageId: string, where: LineageWhere, which: LineageRelatives): Promise<Page<LineageNode> | null> {
    return this.#ask("relatives", messageId, where, which);
  }

  /** To be called when executions were deleted: what is known of them goes as well. */
  sweep(): void {
    const folder = this.#place.folder ?? this.#ownFolder;
    if (this.#closed || this.#sweeping || folder === null || !existsSync(join(folder, LINEAGE_FILE))) return;
    this.#sweeping = true;
    setImmediate(() => {
      this.#sweeping = false;
      // What stays behind is never found, and is swept before the next list.
      this.#ask("sweep").catch(() => undefined);
    });
  }

  close(): void {
    this.#closed = true;
    this.#discard(this.#end("The store is closed."));
  }

  #ask<T>(method: Question["method"], ...args: unknown[]): Promise<T> {
    if (this.#closed) return Promise.reject(new MillraceError("SERVICE_UNAVAILABLE", "The store is closed."));
    const thread = this.#running();
    this.#lastId += 1;
    const question: Question = { id: this.#lastId, method, args };
    return new Promise<T>((resolve, reject) => {
      // The answer is what the reader's method of the same name returns.
      this.#waiting.set(question.id, { resolve: (value) => resolve(value as T), reject });
      thread.postMessage(question);
    });
  }

  #running(): Worker {
    clearTimeout(this.#idle);
    clearTimeout(this.#unused);
    if (this.#thread !== null) return this.#thread;
    const { journal, folder } = this.#place;
    if (folder === null) this.#ownFolder ??= makeOwnFolder();
    const workerData: ThreadData = {
      journal,
      folder: folder ?? this.#ownFolder ?? "",
      patienceMs: this.#patienceMs,
    };
    const thread = new Worker(new URL("./thread.ts", import.meta.url), { workerData });
    thread.unref();
    thread.on("message", (answer: Answer) => this.#answered(answer));
    thread.on("error", (error: Error) => {
      if (this.#thread === thread)
        this.#end(`The lineage cannot be read at present (${error.message}). Try again shortly.`);
    });
    thread.on("exit", () => {
      if (this.#thread === thread) this.#end("The lineage cannot be read at present. Try again shortly.");
    });
    this.#thread = thread;
    return thread;
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("error" in answer) {
      const error = new MillraceError(answer.error.code, answer.error.message);
      if (error.code === "STORE_DAMAGED") this.#onDamage(error);
      waiting?.reject(error);
    } else waiting?.resolve(answer.value);
    if (this.#waiting.size > 0) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      const ended = this.#end("The thread was idle.");
      this.#unused = setTimeout(() => this.#discard(ended), UNUSED_MS).unref();
    }, IDLE_MS).unref();
  }

  /** Resolves when there is no thread any more. */
  #end(reason: string): Promise<unknown> {
    clearTimeout(this.#idle);
    const thread = this.#thread;
    this.#thread = null;
    for (const { reject } of this.#waiting.values()) reject(new MillraceError("SERVICE_UNAVAILABLE", reason));
    this.#waiting.clear();
    return thread?.terminate() ?? Promise.resolve();
  }

  /** Removes what was read, where it is kept for no other process: at once, and what the thread writes before it has ended. */
  #discard(ended: Promise<unknown>): void {
    clearTimeout(this.#unused);
    const folder = this.#ownFolder;
    this.#ownFolder = null;
    if (folder === null) return;
    removeOwnFolder(folder);
    ended.finally(() => removeOwnFolder(folder));
  }
}
