import { randomUUID } from "node:crypto";
import { MillraceError } from "@millrace/protocol";
import type { z } from "zod";
import type { Bus } from "../bus-port.ts";
import { decodeEnvelope, encodeEnvelope } from "../cluster/envelope.ts";
import { toEventError } from "../execution/message-error.ts";
import { Timestamps } from "../execution/timestamps.ts";
import type { Ownership } from "../ownership-port.ts";
import type { Clock, ObjectChange } from "../ports.ts";
import { StepFailure } from "../route/chain.ts";
import { type AbortCause, Flow, type FlowHost, type RemoteProgress } from "../route/flow.ts";
import { beginAnswerSchema, type FlowRequest, flowsSubject, madeAnswerSchema, type Task } from "./flow-request.ts";
import type { FrozenPipeline } from "./frozen-pipelines.ts";

/** How long an owner is waited for before it is looked whether it still is the owner, in milliseconds. */
const ANSWER_MS = 3_000;

/** Before what was not answered is said again, in milliseconds. */
const AGAIN_MS = 200;

/** What a step has done is told by then, in milliseconds, so that short messages are told of once. */
const TELL_MS = 20;

/** The share of a message of the bus that is filled: what is told beside payloads has room as well. */
const FILLED = 0.7;

/** What a session needs. */
export interface RemoteSessionHost {
  readonly bus: Bus;
  readonly ownership: Ownership;
  readonly clock: Clock;
  /** Runs an adapter's code so that what it does later can be traced back to the session. */
  trace<T>(session: RemoteSession, run: () => T): T;
}

/**
 * One attempt at a message of another node's execution.
 *
 * States: *asked* (whether there is anything to do) → *running* → *told* (its outcome is with the owner), or *gone* (the
 * owner counts on it no more, or has another owner: nothing that it does counts).
 */
export class RemoteSession {
  readonly id = randomUUID();
  readonly owner: string;
  readonly #host: RemoteSessionHost;
  readonly #task: Task;
  readonly #timestamps: Timestamps;
  #flow: Flow | null = null;
  #n = 0;
  #last: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #gone = false;
  /** What the adapter let escape: it fails the message, whatever becomes of its chain. */
  #fail: (error: unknown) => void = () => {};

  constructor(task: Task, host: RemoteSessionHost) {
    this.#task = task;
    this.#host = host;
    this.owner = task.owner;
    this.#timestamps = new Timestamps(host.clock);
  }

  /**
   * Resolves when nothing is left to do; false where another is at work on the message.
   * @throws MillraceError NODE_UNREACHABLE where the owner cannot be asked
   */
  async run(pipeline: FrozenPipeline): Promise<boolean> {
    const flow = await this.#begin(pipeline);
    if (flow === "busy") return false;
    if (flow === null || this.#gone) return true;
    let failure: StepFailure | null = null;
    try {
      const escaped = new Promise<never>((_, reject) => {
        this.#fail = reject;
      });
      const chain = pipeline.chain(flow.message.route);
      const running = this.#host.trace(this, async () => chain.run(flow, flow.payload, 0));
      await Promise.race([running, escaped]);
    } catch (error) {
      failure = error instanceof StepFailure ? error : new StepFailure(toEventError(error), null);
    }
    clearTimeout(this.#timer);
    const rest = this.#drain(flow);
    await this.#last;
    if (!this.#gone) {
      if (failure === null) await this.#tell("done", rest);
      else await this.#tell("done", rest, { error: failure.error, step: failure.step?.index ?? null });
    }
    flow.closed = true;
    return true;
  }

  /** Whether its owner knows of it. */
  get began(): boolean {
    return this.#flow !== null;
  }

  /** The owner does not answer: if it is the owner no more, nothing that this does counts. */
  async checkOwner(): Promise<void> {
    if (this.#flow !== null && !(await this.#isOwner())) this.leave();
  }

  /** The owner tells it to stop. */
  abort(cause: AbortCause): void {
    if (cause === "abandoned") this.leave();
    else this.#flow?.abort(cause);
  }

  /** Nothing that it does counts any more. */
  leave(): void {
    this.#gone = true;
    clearTimeout(this.#timer);
    const flow = this.#flow;
    if (flow === null || flow.closed) return;
    flow.abort("abandoned");
    flow.closed = true;
  }

  /** Gives the message back to its owner; `elsewhere`: for another to work on. */
  async giveUp(elsewhere: boolean): Promise<void> {
    if (this.#gone) return;
    this.leave();
    await this.#ask({ kind: "returned", session: this.id, elsewhere }, undefined).catch(() => undefined);
  }

  /** Fails the message with what its adapter let escape outside of its own call. */
  blame(error: unknown): void {
    this.#flow?.abort("abandoned");
    this.#fail(error);
  }

  async #begin(pipeline: FrozenPipeline): Promise<Flow | null | "busy"> {
    const { offer } = this.#task;
    const worker = this.#host.ownership.nodeId;
    const begin = { kind: "begin", offer, session: this.id, worker } as const;
    const { flow: given, busy } = await this.#ask(begin, beginAnswerSchema);
    if (busy) return "busy";
    const route = pipeline.definition.routes.find((candidate) => candidate.route === given?.message.route);
    if (given === null || route === undefined) return null;
    const routes = new Set(pipeline.definition.routes.map((candidate) => candidate.route));
    const host: FlowHost = {
      executionId: given.execution,
      project: pipeline.project,
      rootCorrelationId: given.root,
      limits: pipeline.definition.limits,
      maxPayloadBytes: given.maxPayloadBytes,
      maxEmitsPerStep: given.maxEmitsPerStep,
      trace: pipeline.trace,
      timestamp: () => this.#timestamps.now(),
      monotonicMs: () => performance.now(),
      hasRoute: (name) => routes.has(name),
      touch: (flow) => this.#touch(flow),
      flush: (flow) => this.#flush(flow),
      commitLate: (change) => this.#tellLate(given.execution, change),
    };
    // What its owner tells of it, it tells itself: that it was taken, and how it ended.
    const flow = new Flow(host, route, given.message, given.ran);
    this.#flow = flow;
    return flow;
  }

  #touch(flow: Flow): void {
    this.#timer ??= setTimeout(() => {
      this.#flush(flow);
    }, TELL_MS);
  }

  #flush(flow: Flow): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (flow.closed) return Promise.resolve();
    return this.#tell("made", this.#drain(flow));
  }

  #drain(flow: Flow): RemoteProgress {
    const { events, enqueue, objects } = flow.drain();
    return {
      began: events.flatMap((event) =>
        event.type === "processing" ? [{ index: event.adapter_index, at: event.timestamp }] : [],
      ),
      messages: enqueue.map(({ id, route, payloadJson }) => ({ id, route, payloadJson })),
      outputs: flow.outputs,
      objects,
      usage: flow.takeUsage(),
    };
  }

  /** One after the other, in parts that get through. */
  #tell(
    kind: "made" | "done",
    made: RemoteProgress,
    outcome: Pick<Extract<FlowRequest, { kind: "failed" }>, "error" | "step"> | null = null,
  ): Promise<void> {
    const parts = partsOf(made, this.#host.bus.maxBytes * FILLED);
    const telling = this.#last.then(async () => {
      for (const [index, part] of parts.entries()) {
        if (this.#gone) return;
        this.#n += 1;
        const more = index < parts.length - 1;
        const inSession = { session: this.id, n: this.#n, more, made: part };
        if (more) await this.#deliver({ kind: "made", ...inSession });
        else if (outcome !== null) await this.#deliver({ kind: "failed", ...inSession, ...outcome });
        else await this.#deliver({ kind, ...inSession });
      }
    });
    this.#last = telling;
    return telling;
  }

  async #deliver(request: FlowRequest): Promise<void> {
    try {
      const { gone, abort } = await this.#ask(request, madeAnswerSchema);
      if (gone) this.leave();
      else if (abort !== null) this.abort(abort);
    } catch (error) {
      // It cannot be told, as it is too large, or the owner is another by now.
      const tooLarge = error instanceof MillraceError && error.code === "PAYLOAD_TOO_LARGE";
      if (tooLarge) await this.giveUp(false);
      else this.leave();
    }
  }

  /** For as long as the owner is the owner; `answer` left out: once, and whatever it answers. */
  async #ask<T>(request: FlowRequest, answer: z.ZodType<T>): Promise<T>;
  async #ask(request: FlowRequest, answer: undefined): Promise<void>;
  async #ask<T>(request: FlowRequest, answer: z.ZodType<T> | undefined): Promise<T | undefined> {
    const { bus } = this.#host;
    const data = encodeEnvelope(request, bus.maxBytes);
    while (true) {
      try {
        const said = await bus.request(flowsSubject(this.owner), data, ANSWER_MS);
        return answer === undefined ? undefined : decodeEnvelope(said, answer);
      } catch (error) {
        const unreachable = error instanceof MillraceError && error.code === "NODE_UNREACHABLE";
        if (!unreachable || answer === undefined || this.#gone || !(await this.#isOwner())) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  async #isOwner(): Promise<boolean> {
    try {
      const owner = await this.#host.ownership.ownerOf(this.#task.execution);
      return owner !== null && owner.id === this.owner && owner.alive;
    } catch {
      // Who it is cannot be found out at present.
      return true;
    }
  }

  #tellLate(execution: string, change: ObjectChange): void {
    // Whoever owns it by then finds the object when it looks for those that it was not told of.
    this.#ask({ kind: "late", execution, change }, undefined).catch(() => undefined);
  }
}

/**
 * Parts of so many bytes of payloads at most (at least one message). They count when all of them are there, so that what
 * is committed is whole outputs.
 */
function partsOf(made: RemoteProgress, maxBytes: number): RemoteProgress[] {
  const { messages, began, objects, outputs, usage } = made;
  const parts: RemoteProgress[] = [];
  let part: RemoteProgress["messages"][number][] = [];
  let bytes = 0;
  const end = () => {
    const first = parts.length === 0;
    parts.push({
      began: first ? began : [],
      objects: first ? objects : [],
      usage: first ? usage : [],
      messages: part,
      outputs,
    });
    part = [];
    bytes = 0;
  };
  for (const message of messages) {
    const size = Buffer.byteLength(message.payloadJson) + message.route.length + 100;
    if (part.length > 0 && bytes + size > maxBytes) end();
    part.push(message);
    bytes += size;
  }
  end();
  return parts;
}
