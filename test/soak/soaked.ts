import type { Random } from "../support/random.ts";
import type { ServiceProcess } from "../support/service-process.ts";
import { Window } from "./windows.ts";

/** What all parts of the load share. */
export class Soaked {
  readonly service: ServiceProcess;
  readonly random: Random;
  /** Aborted when no more is to be begun. */
  readonly stop = new AbortController();
  readonly calls = new Window();
  readonly delivery = new Window();
  readonly counts: Record<string, number> = {};
  readonly failures: string[] = [];
  /** Executions that were started, and have not been seen to end. */
  readonly open = new Set<string>();
  /** While a process is being killed and started, requests to it may fail. */
  restarting = 0;

  constructor(service: ServiceProcess, random: Random) {
    this.service = service;
    this.random = random;
  }

  get stopping(): boolean {
    return this.stop.signal.aborted;
  }

  count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  /** Keeps the first ones, each once, and counts all. */
  fail(what: string, error: unknown): void {
    const text = `${what}: ${error instanceof Error ? error.message : String(error)}`.slice(0, 2000);
    this.count("failures");
    if (this.failures.length < 50 && !this.failures.includes(text)) this.failures.push(text);
  }

  /** Notes how long it took. What fails while a process is restarted counts as refused, and is undefined. */
  async call<T>(what: string, make: () => Promise<T>): Promise<T | undefined> {
    const restarting = this.restarting;
    const begun = performance.now();
    try {
      const answer = await make();
      this.calls.add(performance.now() - begun);
      this.count("calls");
      return answer;
    } catch (error) {
      if (restarting > 0 || this.restarting > 0) this.count("refused while restarting");
      else this.fail(what, error);
      return undefined;
    }
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.random.between(0, items.length - 1)];
    if (item === undefined) throw new Error("There is nothing to pick from.");
    return item;
  }
}
