import { AsyncResource } from "node:async_hooks";
import type { Spread } from "../execution/execution-parts.ts";
import { messageError } from "../execution/message-error.ts";
import { type Pending, StepFailure } from "../route/chain.ts";
import type { Flow } from "../route/flow.ts";
import type { RouteRunner } from "../route/route-runner.ts";
import { LoopLoad } from "./loop-load.ts";
import type { Offer } from "./offer.ts";
import { Turns } from "./turns.ts";

/** How long a node under load leaves a message to others before it takes it itself, in milliseconds. */
const PATIENCE_MS = 500;

/** How often it is looked for what has been left to others for long enough, in milliseconds. */
const LOOK_MS = 100;

/** Messages that wait are taken for so long before the event loop goes on to what else there is, in milliseconds. */
const SHARE_MS = 10;

/** How much the last message counts in the average of its route. */
const NEWEST = 0.2;

/** What is done with a message that may be worked on elsewhere. */
export interface SpreadHost {
  /** Slots of this node. */
  readonly slots: number;
  /** A message that takes less is worked on sooner than it is offered, in milliseconds. */
  readonly worthMs: number;
  /** Offers it to other nodes: sets its id. False where it cannot be told to them. */
  offer(offer: Offer): boolean;
  /** Nobody is to work on it elsewhere any more. */
  withdrawn(offer: Offer): void;
  /** The flow was told to stop while a worker has it. */
  aborted(offer: Offer): void;
}

/**
 * Works on messages here for as long as there are slots and processor time, and offers the others to all nodes: whoever
 * has room first takes them, which may be this node again. Slots are given to executions in turns. Messages that only
 * this node can work on need none.
 */
export class WorkSpread implements Spread {
  readonly #host: SpreadHost;
  readonly #waiting = new Turns<Offer>();
  readonly #load = new LoopLoad();
  /** Mean time of a message per route, in milliseconds. */
  readonly #meanMs = new WeakMap<RouteRunner, number>();
  readonly #portable = new WeakMap<RouteRunner, boolean>();
  #used = 0;
  #timer: NodeJS.Timeout | undefined;
  #pumping = false;
  #pumpLater = false;

  constructor(host: SpreadHost) {
    this.#host = host;
  }

  /**
   * Slots that this node has to spare for what others offer: one at a time under load, as nobody may be less busy, and a
   * message that nobody takes waits for ever.
   */
  get free(): number {
    if (!this.#waiting.isEmpty) return 0;
    const free = Math.max(0, this.#host.slots - this.#used);
    return this.#load.isLoaded ? Math.min(1, free) : free;
  }

  /** Takes a slot for a message of another node; to be given back. */
  take(): () => void {
    this.#used += 1;
    return () => this.#release();
  }

  run(route: RouteRunner, flow: Flow, here: () => Pending): Pending {
    if (!this.#isPortable(route)) {
      // Nobody else can: it goes on as if this node were alone, and takes no room from those that wait for some.
      flow.host.touch(flow);
      return here();
    }
    const mean = this.#meanMs.get(route);
    const loaded = mean !== undefined && mean >= this.#host.worthMs && this.#load.isLoaded;
    // Whoever has just given a slot back would take it again before those in line.
    if (this.#used < this.#host.slots && this.#waiting.isEmpty && !loaded) {
      flow.host.touch(flow);
      return this.#here(route, flow, here);
    }
    return new Promise((resolve, reject) => {
      const run = AsyncResource.bind(here);
      const offer: Offer = {
        id: null,
        flow,
        route,
        here: () => this.#begin(offer, run),
        resolve,
        reject,
        notBefore: loaded ? performance.now() + PATIENCE_MS : 0,
        session: null,
        looks: 0,
        againAfter: 0,
        interruptions: flow.message.interruptions,
        settled: false,
      };
      flow.signal.addEventListener("abort", () => this.#aborted(offer), { once: true });
      this.wait(offer);
      if (mean !== undefined && mean < this.#host.worthMs) return;
      // What cannot be offered is not left to others.
      if (!this.#host.offer(offer)) offer.notBefore = 0;
    });
  }

  withdraw(executionId: string): Flow[] {
    return this.#waiting.removeAll(executionId).map((offer) => {
      this.#settle(offer);
      offer.resolve();
      return offer.flow;
    });
  }

  /** It waits for room, again where its worker is gone. */
  wait(offer: Offer): void {
    this.#waiting.add(offer.flow.host.executionId, offer);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
    this.#pumpSoon();
  }

  /** A worker takes it. False where it is not waiting. */
  takeOut(offer: Offer): boolean {
    if (offer.settled || offer.session !== null) return false;
    this.#waiting.remove(offer.flow.host.executionId, offer);
    return true;
  }

  /** Where there is room it is left to others no longer. True where it begins at once, or has begun. */
  takeBack(offer: Offer): boolean {
    if (offer.settled || offer.session !== null) return true;
    if (this.#used >= this.#host.slots || this.#load.isLoaded) return false;
    this.#waiting.remove(offer.flow.host.executionId, offer);
    offer.here();
    return true;
  }

  /** What a worker has done is done. */
  done(offer: Offer): void {
    if (this.#settle(offer)) offer.resolve();
  }

  /** It has failed elsewhere. */
  failed(offer: Offer, failure: StepFailure): void {
    if (this.#settle(offer)) offer.reject(failure);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (!this.#waiting.isEmpty) {
      this.#pump();
      return;
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #settle(offer: Offer): boolean {
    if (offer.settled) return false;
    offer.settled = true;
    this.#host.withdrawn(offer);
    return true;
  }

  #aborted(offer: Offer): void {
    if (offer.settled) return;
    if (offer.session !== null) {
      this.#host.aborted(offer);
      return;
    }
    this.#waiting.remove(offer.flow.host.executionId, offer);
    this.failed(offer, stopped());
  }

  #begin(offer: Offer, run: () => Pending): void {
    if (!this.#settle(offer)) return;
    const { flow, route } = offer;
    flow.restart();
    flow.host.touch(flow);
    try {
      const pending = this.#here(route, flow, run);
      if (pending === undefined) offer.resolve();
      else pending.then(offer.resolve, offer.reject);
    } catch (error) {
      // A chain throws failures of its steps alone.
      offer.reject(error as StepFailure);
    }
  }

  #here(route: RouteRunner, flow: Flow, run: () => Pending): Pending {
    this.#used += 1;
    let pending: Pending;
    try {
      pending = run();
    } catch (error) {
      this.#ran(route, flow);
      throw error;
    }
    if (pending === undefined) {
      this.#ran(route, flow);
      return undefined;
    }
    return pending.finally(() => this.#ran(route, flow));
  }

  #ran(route: RouteRunner, flow: Flow): void {
    const ms = performance.now() - flow.startedMs;
    const mean = this.#meanMs.get(route);
    this.#meanMs.set(route, mean === undefined ? ms : mean + (ms - mean) * NEWEST);
    this.#release();
  }

  #release(): void {
    this.#used -= 1;
    if (!this.#waiting.isEmpty) this.#pumpSoon();
  }

  /** Not within the turn of whoever gave the slot back: it is about to take its next message. */
  #pumpSoon(): void {
    if (this.#pumpLater) return;
    this.#pumpLater = true;
    setImmediate(() => {
      this.#pumpLater = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const began = performance.now();
    while (this.#used < this.#host.slots) {
      const now = performance.now();
      if (now - began > SHARE_MS) {
        this.#pumpSoon();
        break;
      }
      const loaded = this.#load.isLoaded;
      const next = this.#waiting.next(({ notBefore }) => !loaded || notBefore <= now);
      if (next === undefined) break;
      next.here();
    }
    this.#pumping = false;
  }

  #isPortable(route: RouteRunner): boolean {
    const known = this.#portable.get(route);
    if (known !== undefined) return known;
    const portable = route.definition.steps.every(
      ({ adapter, config }) => adapter.gather === undefined && adapter.stateful?.(config) !== true,
    );
    this.#portable.set(route, portable);
    return portable;
  }
}

/** The failure of a message that was told to stop before, or while, another node had it. */
export function stopped(): StepFailure {
  const text = "The execution was stopped while the message was in flight.";
  return new StepFailure(messageError("CANCELLED", text, false), null);
}
