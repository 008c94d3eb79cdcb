import { randomUUID } from "node:crypto";
import { MillraceError } from "@millrace/protocol";
import type { AdapterLog } from "../adapter.ts";
import type { Bus, TaskQueue } from "../bus-port.ts";
import { decodeEnvelope, encodeEnvelope } from "../cluster/envelope.ts";
import { crashLoop, MAX_INTERRUPTIONS } from "../execution/attempts.ts";
import type { Ownership } from "../ownership-port.ts";
import type { Journal, WorkQueue } from "../ports.ts";
import { StepFailure } from "../route/chain.ts";
import { abortsSubject, type FlowRequest, flowRequestSchema, flowsSubject, type Task } from "./flow-request.ts";
import type { Offer, Session } from "./offer.ts";
import { stopped, WorkSpread } from "./work-spread.ts";

/** A worker that has not told of itself for so many times is not at work any more where another wants to begin. */
const ABSENT = 2;

/** Nor is it after so many times in any case. */
const GIVEN_UP = 10;

/** A message that nobody has begun is put into the queue again after so many looks, then twice as many, up to a bound. */
const AGAIN_AFTER = 5;
const AGAIN_AT_MOST = 300;

/** A worker that was told to stop has so much longer than its adapter, in milliseconds. */
const STOP_GRACE_MS = 1_000;

/** What is left of a message of the bus for a payload, beside what else is told. */
const PAYLOAD_SHARE = 0.9;

/** What offers need. */
export interface OffersHost {
  readonly bus: Bus;
  readonly tasks: TaskQueue;
  readonly ownership: Ownership;
  readonly work: WorkQueue;
  readonly journal: Journal;
  readonly log: AdapterLog;
  /** Messages that this node works on at once. */
  readonly slots: number;
  /** Messages of a route are offered only where one takes so long on average, in milliseconds. */
  readonly worthMs: number;
  /** How long an adapter that was told to stop is waited for, in milliseconds. */
  readonly abandonAfterMs: number;
  /** How often workers tell that they are at work, in milliseconds. */
  readonly aliveEveryMs: number;
  runs(executionId: string): boolean;
}

type Answer = Readonly<Record<string, unknown>>;
type In<Kind extends FlowRequest["kind"]> = Extract<FlowRequest, { kind: Kind }>;

const NOTHING = { flow: null, busy: false } as const;
const GONE = { gone: true, abort: null } as const;

/**
 * The owner's side of messages that other nodes work on: it offers them, says who may begin, and commits what they tell.
 * Every worker has a session; when another has begun after it, what it says is refused.
 */
export class Offers {
  readonly spread: WorkSpread;
  readonly #host: OffersHost;
  readonly #offers = new Map<string, Offer>();
  readonly #sessions = new Map<string, Offer>();
  #unsubscribe = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(host: OffersHost) {
    this.#host = host;
    this.spread = new WorkSpread({
      slots: host.slots,
      worthMs: host.worthMs,
      offer: (offer) => this.#offer(offer),
      withdrawn: (offer) => this.#forget(offer),
      aborted: (offer) => this.#abort(offer),
    });
  }

  /** Answers as this node, which has another id when its lease was lost. */
  answerAs(nodeId: string): void {
    this.#unsubscribe();
    const { bus } = this.#host;
    this.#unsubscribe = bus.answer(flowsSubject(nodeId), async (data) => {
      const request = decodeEnvelope(data, flowRequestSchema);
      const answer = await this.#serve(request);
      try {
        return encodeEnvelope(answer, bus.maxBytes);
      } catch (error) {
        if (request.kind !== "begin") throw error;
        // The message is larger than what gets through: it stays here.
        this.#returned({ session: request.session, elsewhere: false });
        return encodeEnvelope(NOTHING, bus.maxBytes);
      }
    });
    this.#timer ??= setInterval(() => this.#miss(), this.#host.aliveEveryMs);
  }

  close(): void {
    this.#unsubscribe();
    clearInterval(this.#timer);
    this.spread.close();
  }

  /** A task of this node's own came back to it. True where nothing is left to offer: it is under way, or has room here. */
  takeBack(offerId: string): boolean {
    const offer = this.#offers.get(offerId);
    return offer === undefined || this.spread.takeBack(offer);
  }

  #offer(offer: Offer): boolean {
    const { bus } = this.#host;
    if (Buffer.byteLength(offer.flow.message.payloadJson) > bus.maxBytes * PAYLOAD_SHARE) return false;
    const id = randomUUID();
    offer.id = id;
    offer.looks = 0;
    offer.againAfter = AGAIN_AFTER;
    this.#offers.set(id, offer);
    if (!bus.connected) return false;
    this.#put(offer, id);
    return true;
  }

  #put(offer: Offer, id: string): void {
    const { bus, tasks, ownership } = this.#host;
    const task: Task = { owner: ownership.nodeId, execution: offer.flow.host.executionId, offer: id };
    // Where the queue does not take it, this node does: when it has room.
    tasks.put(encodeEnvelope(task, bus.maxBytes)).catch(() => this.spread.takeBack(offer));
  }

  /**
   * A queue that came back without its files knows nothing of what was put, and a message must not wait for this node's own
   * slots then, which may be taken for hours. Ever less often: where the queue has it, all workers have enough to do.
   */
  #putAgain(): void {
    for (const [id, offer] of this.#offers) {
      if (offer.session !== null) continue;
      offer.looks += 1;
      if (offer.looks < offer.againAfter) continue;
      offer.looks = 0;
      offer.againAfter = Math.min(AGAIN_AT_MOST, offer.againAfter * 2);
      this.#put(offer, id);
    }
  }

  #forget(offer: Offer): void {
    if (offer.id !== null) this.#offers.delete(offer.id);
    if (offer.session !== null) this.#sessions.delete(offer.session.id);
  }

  async #serve(request: FlowRequest): Promise<Answer> {
    switch (request.kind) {
      case "begin":
        return this.#begin(request);
      case "alive":
        return this.#alive(request.sessions);
      case "late":
        return this.#late(request);
      case "returned":
        return this.#returned(request);
      default:
        return this.#told(request);
    }
  }

  async #begin({ offer: id, session: sessionId, worker }: In<"begin">): Promise<Answer> {
    const offer = this.#offers.get(id);
    if (offer === undefined) return NOTHING;
    if (offer.session === null) {
      if (!this.spread.takeOut(offer)) return NOTHING;
      this.#open(offer, { id: sessionId, worker });
      offer.flow.restart();
      offer.flow.host.touch(offer.flow);
    } else if (offer.session.id !== sessionId) {
      // It was given out again, as the queue has not heard of its worker. Its owner may have.
      if (offer.session.silent < ABSENT) return { flow: null, busy: true };
      // That worker has died, or cannot be reached: what it says counts no more from here.
      const session = this.#open(offer, { id: sessionId, worker });
      await this.#interrupted(offer);
      if (offer.session !== session) return NOTHING;
    }
    return offer.settled ? NOTHING : { flow: this.#flowOf(offer), busy: false };
  }

  #open(offer: Offer, { id, worker }: Pick<Session, "id" | "worker">): Session {
    if (offer.session !== null) this.#sessions.delete(offer.session.id);
    const session: Session = { id, worker, n: 0, committed: Promise.resolve(), held: [], silent: 0 };
    offer.session = session;
    offer.flow.worker = worker;
    this.#sessions.set(id, offer);
    return session;
  }

  /** A process that worked on it has died: as where the owner has. */
  async #interrupted(offer: Offer): Promise<void> {
    const { flow } = offer;
    offer.interruptions += 1;
    const { executionId } = flow.host;
    await this.#host.work.countInterruption(executionId, [flow.message.id]);
    await flow.host.flush(flow);
    if (offer.interruptions >= MAX_INTERRUPTIONS) this.spread.failed(offer, crashLoop(offer.interruptions));
  }

  #flowOf({ flow, interruptions }: Offer): Answer {
    const { host, message } = flow;
    const { outputs, emitted, ran } = flow.resumePoint;
    return {
      execution: host.executionId,
      root: host.rootCorrelationId,
      message: { ...message, emittedOutputs: outputs, emitted, interruptions },
      ran,
      maxPayloadBytes: host.maxPayloadBytes,
      maxEmitsPerStep: host.maxEmitsPerStep,
    };
  }

  async #told(request: In<"made" | "done" | "failed">): Promise<Answer> {
    const offer = this.#sessions.get(request.session);
    const session = offer?.session;
    if (offer === undefined || session?.id !== request.session) return GONE;
    session.silent = 0;
    const { flow } = offer;
    if (request.n > session.n) {
      session.n = request.n;
      session.held.push(request.made);
      if (request.more) return { gone: flow.closed, abort: flow.abortCause };
      for (const made of session.held.splice(0)) flow.absorb(made);
      // As on this node: what was told to stop does not complete.
      if (request.kind === "done" && flow.abortCause === null) this.spread.done(offer);
      else if (request.kind === "done") this.spread.failed(offer, stopped());
      else if (request.kind === "failed") {
        const step = request.step === null ? null : (flow.route.steps[request.step] ?? null);
        this.spread.failed(offer, new StepFailure(request.error, step));
      } else session.committed = Promise.resolve(flow.host.flush(flow));
    }
    await session.committed;
    return { gone: flow.closed, abort: flow.abortCause };
  }

  #alive(sessions: readonly string[]): Answer {
    const gone: string[] = [];
    const cancelled: string[] = [];
    for (const id of sessions) {
      const offer = this.#sessions.get(id);
      if (offer?.session === undefined || offer.session === null || offer.flow.closed) {
        gone.push(id);
        continue;
      }
      offer.session.silent = 0;
      if (offer.flow.abortCause !== null) cancelled.push(id);
    }
    return { gone, cancelled };
  }

  /** Also one that is given up may have written an object: that is a fact. */
  async #late({ execution, change }: In<"late">): Promise<Answer> {
    const { runs, journal } = this.#host;
    if (!runs(execution)) throw new MillraceError("EXECUTION_MOVED", `This node does not work on ${execution}.`);
    await journal.append({ executionId: execution, events: [], objects: [change] });
    return {};
  }

  #returned({ session, elsewhere }: Pick<In<"returned">, "session" | "elsewhere">): Answer {
    const offer = this.#sessions.get(session);
    if (offer !== undefined) this.#waitAgain(offer, elsewhere);
    return {};
  }

  #waitAgain(offer: Offer, elsewhere: boolean): void {
    this.#forget(offer);
    offer.session = null;
    offer.flow.worker = null;
    offer.id = null;
    offer.notBefore = 0;
    if (offer.settled) return;
    this.spread.wait(offer);
    if (elsewhere) this.#offer(offer);
  }

  /** Counted by looks rather than by the clock: a loop that was held up has not heard anybody. */
  #miss(): void {
    // Nobody can be heard.
    if (!this.#host.bus.connected) return;
    this.#putAgain();
    for (const offer of new Set(this.#sessions.values())) {
      const { session } = offer;
      if (session === null) continue;
      session.silent += 1;
      if (session.silent < GIVEN_UP) continue;
      this.#host.log.warn(
        `Node ${session.worker} is not heard of any more: message ${offer.flow.message.id} is begun again.`,
      );
      this.#sessions.delete(session.id);
      this.#interrupted(offer)
        .then(() => {
          if (offer.session === session) this.#waitAgain(offer, true);
        })
        .catch((error) => this.#host.log.error(`Message ${offer.flow.message.id} is not begun again: ${error}`));
    }
  }

  #abort(offer: Offer): void {
    const { bus, abandonAfterMs } = this.#host;
    const { session, flow } = offer;
    if (session === null || flow.abortCause === null) return;
    const abort = { session: session.id, cause: flow.abortCause };
    bus.publish(abortsSubject(session.worker), encodeEnvelope(abort, bus.maxBytes));
    if (flow.abortCause === "abandoned") {
      this.spread.failed(offer, stopped());
      return;
    }
    const timer = setTimeout(() => this.spread.failed(offer, stopped()), abandonAfterMs + STOP_GRACE_MS);
    timer.unref();
  }
}
