import { Worker } from "node:worker_threads";
import type { SearchIndex, SearchIndexes } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { countByProject, type KeptCollections, ProjectIndex } from "../search/project-index.ts";
import type { Answer, Question, ThreadData } from "./thread-protocol.ts";

/** A thread that nobody has asked anything for so long is ended: it holds some tens of megabytes. */
const IDLE_MS = 60_000;

const UNREACHABLE = "The collections cannot be reached at present. Try again shortly.";

/**
 * Collections in a database of their own, `search.db` in the data directory, which a thread has open.
 *
 * States: *none* (nobody has asked yet, or for long) → *running* (a thread answers) → *none*, and *closed*. A thread that
 * dies takes its questions with it, as SERVICE_UNAVAILABLE; the next question starts another.
 */
export class SqliteSearch implements SearchIndexes {
  readonly #data: ThreadData;
  readonly #kept: KeptCollections = {
    put: (...args) => this.#ask("put", ...args),
    search: (...args) => this.#ask("search", ...args),
    collections: (...args) => this.#ask("collections", ...args),
    collection: (...args) => this.#ask("collection", ...args),
    namesThatEnd: (...args) => this.#ask("namesThatEnd", ...args),
    fields: (...args) => this.#ask("fields", ...args),
    deleteCollection: (...args) => this.#ask("deleteCollection", ...args),
  };
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  #thread: Worker | null = null;
  #idle: NodeJS.Timeout | undefined;
  #lastId = 0;
  #closed = false;

  constructor(dataDir: string) {
    this.#data = { dataDir };
  }

  inProject(project: string | null): SearchIndex {
    return new ProjectIndex(this.#kept, project);
  }

  countByProject(project: string | null): Promise<ReadonlyMap<string, number>> {
    return countByProject(this.#kept, project);
  }

  /** Ends the thread, once it has answered what it was asked. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    const thread = this.#thread;
    if (thread === null) return;
    const gone = new Promise((resolve) => thread.once("exit", resolve));
    thread.ref();
    thread.postMessage("close");
    await gone;
  }

  #ask<T>(method: Question["method"], ...args: readonly unknown[]): Promise<T> {
    if (this.#closed) return Promise.reject(new MillraceError("SERVICE_UNAVAILABLE", "The service is shutting down."));
    this.#lastId += 1;
    const question: Question = { id: this.#lastId, method, args };
    return new Promise<T>((resolve, reject) => {
      const thread = this.#running();
      // What is answered to a method is what the method returns.
      this.#waiting.set(question.id, { resolve: (value) => resolve(value as T), reject });
      // A process with nothing else to do waits for what was asked, and not for a thread that stands still.
      thread.ref();
      thread.postMessage(question);
    });
  }

  #running(): Worker {
    clearTimeout(this.#idle);
    if (this.#thread !== null) return this.#thread;
    const thread = new Worker(new URL("./thread.ts", import.meta.url), { workerData: this.#data });
    thread.unref();
    thread.on("message", (answer: Answer) => this.#answered(answer));
    thread.on("error", (error: Error) => {
      if (this.#thread === thread) this.#gone(`The collections cannot be reached at present (${error.message}).`);
    });
    thread.on("exit", () => {
      if (this.#thread === thread) this.#gone(UNREACHABLE);
    });
    this.#thread = thread;
    return thread;
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("error" in answer) waiting?.reject(new MillraceError(answer.error.code, answer.error.message));
    else waiting?.resolve(answer.value);
    if (this.#waiting.size > 0) return;
    this.#thread?.unref();
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      const thread = this.#thread;
      this.#thread = null;
      thread?.postMessage("close");
    }, IDLE_MS).unref();
  }

  #gone(reason: string): void {
    clearTimeout(this.#idle);
    this.#thread = null;
    for (const { reject } of this.#waiting.values()) reject(new MillraceError("SERVICE_UNAVAILABLE", reason));
    this.#waiting.clear();
  }
}
