import type { StoredMessage, Transition } from "../ports.ts";
import type { Batch } from "../route/gatherer.ts";
import { RetrySchedule } from "../route/retry-schedule.ts";
import type { RouteRunner } from "../route/route-runner.ts";
import type { ExecutionParts } from "./execution-parts.ts";
import type { InFlight } from "./in-flight.ts";

/** Events that may wait for their commit before no message is taken. */
export const MAX_BACKLOG = 1_000;

/** What is done with what is taken. */
export interface IntakeHost {
  take(route: RouteRunner, message: StoredMessage): void;
  runBatch(route: RouteRunner, batch: Batch): void;
  /** Resolves when all that was appended so far is committed. */
  committed(): Promise<void>;
}

/**
 * Takes an execution's messages out of its routes' queues, for as long as there are slots.
 *
 * States: *open* → *closed* (nothing is taken, and nothing comes into a queue, any more: the store knows them).
 */
export class Intake {
  readonly #parts: ExecutionParts;
  readonly #routes: ReadonlyMap<string, RouteRunner>;
  readonly #inFlight: InFlight;
  readonly #host: IntakeHost;
  readonly #retries: RetrySchedule;
  #waitsForCommits = false;
  #closed = false;

  constructor(parts: ExecutionParts, routes: ReadonlyMap<string, RouteRunner>, inFlight: InFlight, host: IntakeHost) {
    this.#parts = parts;
    this.#routes = routes;
    this.#inFlight = inFlight;
    this.#host = host;
    this.#retries = new RetrySchedule(parts.clock, () => this.pump());
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#closed = true;
    for (const route of this.#routes.values()) route.queue.close();
    this.#retries.clear();
  }

  /** Takes messages for as long as there are slots. */
  pump(): void {
    if (this.#closed) return;
    // Later routes first: what has begun gets done before more is begun, and queues stay short.
    for (const route of [...this.#routes.values()].reverse()) {
      while (route.hasSlot && this.#inFlight.size - this.#parked() < this.#parts.definition.limits.maxHandlers) {
        if (this.#parts.journal.backlog > MAX_BACKLOG) {
          this.#pumpAfterCommit();
          return;
        }
        if (route.gatherer?.isDue) route.releaseGathered();
        const batch = route.batches.shift();
        if (batch !== undefined) {
          this.#host.runBatch(route, batch);
          continue;
        }
        const next = route.queue.take();
        if (next === null) break;
        if ("retrySeq" in next) this.#takeRetry(route, next.retrySeq);
        else this.#host.take(route, next);
      }
    }
    this.#releaseLast();
  }

  /** Puts the messages of a transition that is committed into their queues. */
  arrive(transition: Transition, seqs: readonly number[]): void {
    for (const [index, message] of (transition.enqueue ?? []).entries()) {
      const route = this.#routes.get(message.route);
      const seq = seqs[index];
      if (route === undefined || seq === undefined) continue;
      route.unsettled += 1;
      if (this.#closed) continue;
      route.queue.push({
        ...message,
        seq,
        attempt: 1,
        failures: 0,
        dueAt: 0,
        emittedOutputs: 0,
        emitted: {},
        interruptions: 0,
      });
    }
  }

  /** Puts a message back into its queue at `dueAt` (epoch ms). */
  retryLater(route: RouteRunner, seq: number, dueAt: number): void {
    if (!this.#closed) this.#retries.add(route, seq, dueAt);
  }

  #parked(): number {
    let parked = 0;
    for (const route of this.#routes.values()) parked += route.parked;
    return parked;
  }

  #pumpAfterCommit(): void {
    if (this.#waitsForCommits) return;
    this.#waitsForCommits = true;
    this.#host.committed().then(() => {
      this.#waitsForCommits = false;
      this.pump();
    }, this.#parts.onFault);
  }

  #takeRetry(route: RouteRunner, seq: number): void {
    route.running += 1;
    this.#parts.work.get(this.#parts.id, seq).then(
      (message) => {
        route.running -= 1;
        if (message !== null && !this.#closed) this.#host.take(route, message);
      },
      (error) => {
        route.running -= 1;
        this.#parts.onFault(error);
      },
    );
  }

  /** Gatherers that nothing more can come to let go of what they hold. */
  #releaseLast(): void {
    const last = [...this.#routes.values()].filter((route) => route.hasLast);
    for (const route of last) route.releaseGathered();
    if (last.length > 0) this.pump();
  }
}
