import type { ExecutionEvent } from "@millrace/protocol";

/** A stage as the test compares it. */
export interface NaiveStage {
  readonly attempt: number;
  readonly adapter: string | null;
  readonly status: string;
  readonly started: string | null;
  readonly completed: string | null;
  readonly code: string | null;
}

/** The lineage of a whole journal, the slow way: every question goes through all of its events. */
export class NaiveLineage {
  readonly #events: readonly ExecutionEvent[];

  constructor(events: readonly ExecutionEvent[]) {
    this.#events = events;
  }

  get ids(): string[] {
    return [...new Set(this.#events.map((event) => event.message_id))];
  }

  of(id: string): ExecutionEvent[] {
    return this.#events.filter((event) => event.message_id === id);
  }

  status(id: string): string {
    const last = this.of(id).at(-1);
    if (last?.type === "failed") {
      return last.will_retry ? "pending" : last.error.code === "CANCELLED" ? "cancelled" : "failed";
    }
    return last?.type ?? "none";
  }

  /** Of the last attempt that failed, unless a later one completed. */
  error(id: string): string | null {
    if (this.status(id) === "completed") return null;
    const failed = this.of(id).findLast((event) => event.type === "failed");
    return failed?.type === "failed" ? failed.error.code : null;
  }

  batch(id: string): string | null {
    const completed = this.of(id).find((event) => event.type === "completed");
    return completed?.type === "completed" ? (completed.batched_into ?? null) : null;
  }

  parents(id: string): string[] {
    const parent = this.of(id)[0]?.parent_message_id ?? null;
    if (parent === null) return [];
    return [parent, ...this.ids.filter((other) => this.batch(other) === parent && other !== id)].sort();
  }

  children(id: string): string[] {
    return this.ids.filter((other) => this.parents(other).includes(id)).sort();
  }

  /** All that is reached by `next`, again and again. */
  reach(id: string, next: (id: string) => string[]): string[] {
    const found = new Set<string>();
    for (let edge = [id]; edge.length > 0; ) {
      edge = edge.flatMap(next).filter((each) => !found.has(each));
      for (const each of edge) found.add(each);
    }
    found.delete(id);
    return [...found].sort();
  }

  stages(id: string): NaiveStage[] {
    const events = this.of(id);
    const attempts = [...new Set(events.map((event) => event.attempt))];
    const stages = attempts.flatMap((attempt) => this.#attempt(events, attempt));
    const last = events.at(-1);
    if (last?.type === "failed" && last.will_retry) {
      stages.push({
        attempt: last.attempt + 1,
        adapter: null,
        status: "pending",
        started: null,
        completed: null,
        code: null,
      });
    }
    return stages;
  }

  #attempt(all: readonly ExecutionEvent[], attempt: number): NaiveStage[] {
    const events = all.filter((event) => event.attempt === attempt);
    const end = events.find((event) => event.type === "completed" || event.type === "failed");
    const runs = events.flatMap((event) => (event.type === "processing" ? [event] : []));
    const error = end?.type === "failed" ? end.error : null;
    const over = error === null ? "completed" : error.code === "CANCELLED" ? "cancelled" : "failed";
    if (runs.length === 0) {
      return [
        {
          attempt,
          adapter: null,
          status: end === undefined ? "initiated" : over,
          started: events[0]?.timestamp ?? null,
          completed: end?.timestamp ?? null,
          code: error?.code ?? null,
        },
      ];
    }
    const blamed = end?.type === "failed" ? (end.adapter_index ?? runs.length - 1) : null;
    return runs.map((run, index) => {
      const next = runs[index + 1];
      const isBlamed = index === blamed;
      return {
        attempt,
        adapter: run.adapter,
        status: isBlamed ? over : next === undefined && end === undefined ? "processing" : "completed",
        started: run.timestamp,
        completed: (isBlamed ? end : (next ?? end))?.timestamp ?? null,
        code: isBlamed ? (error?.code ?? null) : null,
      };
    });
  }
}
