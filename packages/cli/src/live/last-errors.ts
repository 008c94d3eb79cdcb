import type { ExecutionEvent, FailureGroups } from "@millrace/protocol";

/** Messages that failed for good in the same route with the same code. */
export interface ErrorLine {
  readonly route: string;
  readonly code: string;
  /** Of one of them. */
  readonly message: string;
  readonly count: number;
}

/** So many kinds of errors are told apart: more than anyone reads, so that memory is bounded. */
const KEPT = 100;

/** Gathers the failures that count off a run's events, the newest kind first. */
export class LastErrors {
  readonly #kinds = new Map<string, ErrorLine>();

  /** Takes in an event. */
  add(event: ExecutionEvent): void {
    if (event.type !== "failed" || event.will_retry) return;
    const { code, message } = event.error;
    const key = JSON.stringify([event.route, code]);
    const count = (this.#kinds.get(key)?.count ?? 0) + 1;
    // Entered anew, so that the order is that of the newest of each.
    this.#kinds.delete(key);
    this.#kinds.set(key, { route: event.route, code, message, count });
    const [oldest] = this.#kinds.keys();
    if (this.#kinds.size > KEPT && oldest !== undefined) this.#kinds.delete(oldest);
  }

  /** One line for each kind. */
  get lines(): ErrorLine[] {
    return [...this.#kinds.values()].reverse();
  }
}

/** The same off what the service has gathered. */
export function errorLinesOf(groups: FailureGroups["groups"]): ErrorLine[] {
  const kinds = new Map<string, ErrorLine>();
  for (const { route, code, message, count } of groups.toSorted((a, b) =>
    (b.last_failed_at ?? "").localeCompare(a.last_failed_at ?? ""),
  )) {
    const key = JSON.stringify([route, code]);
    const newer = kinds.get(key);
    // The service tells adapters apart as well.
    kinds.set(key, { route, code, message: newer?.message ?? message, count: count + (newer?.count ?? 0) });
  }
  return [...kinds.values()];
}
