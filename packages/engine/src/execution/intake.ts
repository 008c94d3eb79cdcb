import type { StoredMessage, Transition } from "../ports.ts";
import type { Batch } from "../route/gatherer.ts";
import { RetrySchedule } from "../route/retry-schedule.ts";
import type { RouteRunner } from "../route/route-runner.ts";
import type { ExecutionParts } from "./execution-parts.ts";
import type { InFlight } from "./in-flight.ts";

/** Events that may wait for their commit before no message is taken. */
export const MAX_BACKLOG = 1_000;

/** A message that the store could not read is asked for again so much later, in milliseconds. */
const READ_AGAIN_MS = 500;

const NOTHING_EMITTED: Readonly<Record<string, number>> = Object.freeze({});

/** What is done with what is taken. */
export interface IntakeHost {
  take(route: RouteRunner, message: StoredMessage): void;
  runBatch(route: RouteRunner, batch: Batch): void;
  /** Resolves when all that was appended so far is committed. */
  committed(): Promise<void> | undefined;
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
  /** Later routes first: what has begun gets done before more is begun, and queues stay short. */
  #order: readonly RouteRunner[] | null = null;
  #gatherers: readonly RouteRunner[] | null = null;
  #waitsForCommits = false;
  #waitsForTurn = false;
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
    this.#order ??= [...this.#routes.values()].reverse();
    const { limits } = this.#parts.definition;
    for (const route of this.#order) {
      while (route.hasSlot && this.#inFlight.size - this.#parked() < limits.maxHandlers) {
        if (route.gatherer?.isDue) route.releaseGathered();
        if (route.batches.length === 0 && route.queue.isEmpty) break;
        if (this.#mustWait()) return;
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
    const { enqueue } = transition;
    if (enqueue === undefined) return;
    for (let index = 0; index < enqueue.length; index += 1) {
      const message = enqueue[index];
      const seq = seqs[index];
      const route = message && this.#routes.get(message.route);
      if (route === undefined || message === undefined || seq === undefined) continue;
      route.unsettled += 1;
      if (this.#closed) continue;
      route.queue.push({
        id: message.id,
        parentId: message.parentId,
        route: message.route,
        payloadJson: message.payloadJson,
        hops: message.hops,
        seq,
        attempt: 1,
        failures: 0,
        dueAt: 0,
        emittedOutputs: 0,
        emitted: NOTHING_EMITTED,
        interruptions: 0,
      });
    }
  }

  /** Puts a message back into its queue at `dueAt` (epoch ms), `mostMs` milliseconds from now at the latest. */
  retryLater(route: RouteRunner, seq: number, dueAt: number, mostMs?: number): void {
    if (!this.#closed) this.#retries.add(route, seq, dueAt, mostMs);
  }

  /** Puts a message, of which the store knows, back into its queue now. */
  requeue(route: RouteRunner, seq: number): void {
    if (!this.#closed) route.queue.pushRetry(seq);
  }

  #parked(): number {
    let parked = 0;
    for (const route of this.#gathering) parked += route.parked;
    return parked;
  }

  get #gathering(): readonly RouteRunner[] {
    this.#gatherers ??= [...this.#routes.values()].filter((route) => route.gatherer !== null);
    return this.#gatherers;
  }

  /** Whether nothing is to be taken now: then it goes on by itself, after a commit, or in the loop's next turn. */
  #mustWait(): boolean {
    if (this.#parts.journal.backlog > MAX_BACKLOG) {
      this.#pumpAfterCommit();
      return true;
    }
    if (!this.#parts.turn.isOver) return false;
    if (!this.#waitsForTurn) {
      this.#waitsForTurn = true;
      this.#parts.turn.wait(() => {
        this.#waitsForTurn = false;
        this.pump();
      });
    }
    return true;
  }

  #pumpAfterCommit(): void {
    if (this.#waitsForCommits) return;
    this.#waitsForCommits = true;
    this.#host.committed()?.then(() => {
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
        this.retryLater(route, seq, this.#parts.clock.now() + READ_AGAIN_MS);
      },
    );
  }

  /** Gatherers that nothing more can come to let go of what they hold. */
  #releaseLast(): void {
    if (this.#gathering.length === 0) return;
    const last = this.#gathering.filter((route) => route.hasLast);
    for (const route of last) route.releaseGathered(true);
    if (last.length > 0) this.pump();
  }
}
