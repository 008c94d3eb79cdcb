import {
  type ErrorInfo,
  foldEnded,
  foldEvent,
  foldRequeued,
  MillraceError,
  type Progress,
  type TerminalStatus,
} from "@millrace/protocol";
import type { MessageChange, StoredMessage, Transition } from "../ports.ts";
import { Chain, type Pending, StepFailure } from "../route/chain.ts";
import { Flow, type FlowHost } from "../route/flow.ts";
import type { Batch } from "../route/gatherer.ts";
import { linkRoutes, RouteRunner } from "../route/route-runner.ts";
import type { ExecutionParts } from "./execution-parts.ts";
import { findMessages } from "./find-messages.ts";
import { InFlight } from "./in-flight.ts";
import { Intake, MAX_BACKLOG } from "./intake.ts";
import { messageError, toEventError } from "./message-error.ts";
import { progressToJson } from "./progress-json.ts";
import { type FailedSettlement, settleCompleted, settleFailed } from "./settlement.ts";

/** A message that was in flight so often when the process died is given up: it is likely what kills it. */
const MAX_INTERRUPTIONS = 10;

const NONE_RETRIED: FailedSettlement["retried"] = [];

/**
 * One execution at work.
 *
 * States: *running* → *stopping* (nothing is taken; what is in flight comes to its end) → *ended*; and *paused*
 * (nothing is taken and nothing is settled any more: the process shuts down, and takes it up at its next start).
 * It ends when the journal says so: when nothing is outstanding, or when it is stopping and nothing is in flight.
 */
export class Execution {
  readonly id: string;
  readonly progress: Progress;
  readonly #parts: ExecutionParts;
  readonly #routes = new Map<string, RouteRunner>();
  readonly #host: FlowHost;
  readonly #inFlight: InFlight;
  readonly #intake: Intake;
  /** Messages that were ever put into a queue. */
  #enqueued = 0;
  #stopping: TerminalStatus | null;
  #errorInfo: ErrorInfo | null;
  #paused = false;
  /** Requests to take failed messages back that are not committed yet: it does not end meanwhile. */
  #requeueing = 0;
  #ending = false;
  #ended = false;
  #broken = false;
  #lastNow = Number.NaN;
  #lastTimestamp = "";

  /** @throws MillraceError CONFIG_INVALID when an adapter's `prepare` throws */
  constructor(
    parts: ExecutionParts,
    state: { progress: Progress; stopping: TerminalStatus | null; errorInfo: ErrorInfo | null },
  ) {
    this.id = parts.id;
    this.#parts = parts;
    this.#stopping = state.stopping;
    this.#errorInfo = state.errorInfo;
    this.progress = state.progress;
    this.#inFlight = new InFlight((flow) => this.#flush(flow)?.catch(parts.onFault));
    this.#intake = new Intake(parts, this.#routes, this.#inFlight, {
      take: (route, message) => this.#take(route, message),
      runBatch: (route, batch) => this.#runBatch(route, batch),
      committed: () => this.#append({ executionId: this.id, events: [] }),
    });
    const { definition } = parts;
    const chainHost = {
      objects: parts.objects,
      threads: parts.threads,
      abandonAfterMs: parts.settings.abandonAfterMs,
      log: (flow: Flow, step: { name: string; type: string }) =>
        parts.log({
          route: flow.message.route,
          adapter: step.name,
          message_id: flow.message.id,
          attempt: flow.message.attempt,
        }),
    };
    for (const route of definition.routes) {
      const runner = new RouteRunner(this.id, route, new Chain(route, chainHost), parts.work, () =>
        this.#intake.pump(),
      );
      this.#routes.set(route.route, runner);
    }
    linkRoutes(this.#routes);
    if (this.#stopping !== null) this.#intake.close();
    this.#host = {
      executionId: this.id,
      rootCorrelationId: parts.rootCorrelationId,
      limits: definition.limits,
      maxPayloadBytes: parts.settings.maxPayloadBytes,
      maxEmitsPerStep: parts.settings.maxEmitsPerStep,
      timestamp: () => this.#timestamp(),
      monotonicMs: () => performance.now(),
      hasRoute: (route) => this.#routes.has(route),
      touch: (flow) => this.#inFlight.touch(flow),
      flush: (flow) => this.#flush(flow),
    };
  }

  /** Whether it is over. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Messages that are committed and not settled, per route. */
  get unsettled(): Record<string, number> {
    const depths: Record<string, number> = Object.create(null);
    for (const [name, route] of this.#routes) depths[name] = route.unsettled;
    return depths;
  }

  /** Whether failed messages can be taken back: it neither is over, nor comes to an end. */
  get takesBack(): boolean {
    return !this.#ended && !this.#ending && !this.#paused && this.#stopping === null;
  }

  /**
   * Keeps the execution from its end while `work` takes failed messages back. To be called only where {@link takesBack}
   * is true.
   */
  async whileTakingBack<T>(work: () => Promise<T>): Promise<T> {
    this.#requeueing += 1;
    try {
      return await work();
    } finally {
      this.#requeueing -= 1;
      this.#checkEnd();
      this.#intake.pump();
    }
  }

  /** Puts failed messages back into their queues: one transition. To be called within {@link whileTakingBack}. */
  async requeue(
    messages: readonly { readonly seq: number; readonly route: string; readonly payloadJson: string | null }[],
  ): Promise<void> {
    const now = this.#parts.clock.now();
    const routes: Record<string, number> = Object.create(null);
    const changes: MessageChange[] = [];
    for (const { seq, route, payloadJson } of messages) {
      routes[route] = (routes[route] ?? 0) + 1;
      // 0 would be a message that was never taken.
      changes.push({ kind: "requeued", seq, dueAt: Math.max(1, now), payloadJson });
    }
    const at = new Date(now).toISOString();
    await this.#parts.journal
      .append({ executionId: this.id, events: [], changes, lifecycle: { kind: "requeued", at, routes } })
      .then(() => {
        foldRequeued(this.progress, routes);
        for (const message of messages) {
          const route = this.#routes.get(message.route);
          if (route === undefined) continue;
          route.unsettled += 1;
          this.#intake.requeue(route, message.seq);
        }
      });
    this.#intake.pump();
  }

  /** Begins with many first messages, which are committed: so many per route. */
  beginWithMany(counts: Readonly<Record<string, number>>): void {
    for (const [name, count] of Object.entries(counts)) {
      this.#enqueued += count;
      const route = this.#routes.get(name);
      if (route === undefined) continue;
      route.unsettled += count;
      route.queue.load();
    }
    this.#checkEnd();
    this.#intake.pump();
  }

  /** Begins with its first message, which is committed; without one it completes at once. */
  begin(first: StoredMessage | null): void {
    if (first !== null) {
      this.#enqueued = 1;
      const route = this.#routes.get(first.route);
      if (route !== undefined) route.unsettled += 1;
      route?.queue.push(first);
    }
    this.#checkEnd();
    this.#intake.pump();
  }

  /** Goes on from what the store holds. */
  async resume(): Promise<void> {
    const { work } = this.#parts;
    const depths = await work.depths(this.id);
    this.#enqueued = this.progress.completed + this.progress.failed;
    for (const [name, depth] of Object.entries(depths)) {
      const route = this.#routes.get(name);
      if (route === undefined) continue;
      route.unsettled = depth;
      this.#enqueued += depth;
      if (this.#stopping === null) route.queue.load();
    }
    if (this.#stopping === null) {
      const now = this.#parts.clock.now();
      for (const { seq, route: name, dueAt } of await work.delayed(this.id)) {
        const route = this.#routes.get(name);
        if (route === undefined) continue;
        // Without a timer for each of those whose time has come: a retry of all may have been as many as there are.
        if (dueAt <= now) this.#intake.requeue(route, seq);
        else this.#intake.retryLater(route, seq, dueAt);
      }
    }
    this.#checkEnd();
    this.#intake.pump();
  }

  /** Tells it to come to an end: running adapters are aborted, nothing more is taken. */
  async stop(status: TerminalStatus, errorInfo: ErrorInfo | null): Promise<void> {
    if (this.#ended || this.#ending) return;
    this.#stopping ??= status;
    if (this.#stopping === status) this.#errorInfo = errorInfo ?? this.#errorInfo;
    this.#intake.close();
    await this.#append({
      executionId: this.id,
      events: [],
      record: { stopping: this.#stopping, errorInfo: this.#errorInfo },
    });
    for (const flow of this.#inFlight.all()) flow.abort("cancelled");
    this.#dropParked();
    this.#checkEnd();
  }

  /** Takes nothing more; resolves when nothing is in flight, or after `graceMs`, when the rest is abandoned. */
  async pause(graceMs: number): Promise<void> {
    this.#paused = true;
    this.#intake.close();
    const left = new Set<string>();
    for (const route of this.#routes.values()) {
      for (const flow of route.takeParked()) {
        left.add(flow.message.id);
        this.#inFlight.close(flow);
      }
    }
    await this.#inFlight.whenEmpty(graceMs);
    for (const flow of this.#inFlight.all()) {
      // Without a word in the journal: its message is taken again after the next start.
      left.add(flow.message.id);
      flow.abort("abandoned");
      this.#inFlight.close(flow);
    }
    if (this.#ended) return;
    for (const [id, message] of this.progress.open) if (message.inFlight) left.add(id);
    if (left.size === 0) return;
    // They are not what ends the process. Not waited for: a store that cannot be written must not hold up the shutdown.
    this.#parts.work.countInterruption(this.id, [...left], -1).catch(this.#parts.onFault);
  }

  /** The flow's adapter has ended the process: said in the journal, so that the message is not tried for ever. */
  blame(flow: Flow): void {
    if (flow.closed) return;
    const error = messageError("ADAPTER_EXITED", "The adapter ended the process.", true);
    this.#fail([flow], new StepFailure(error, null))?.catch(this.#parts.onFault);
  }

  /** Fails a flow with what its adapter let escape outside of its own call. */
  failFlow(flow: Flow, thrown: unknown): void {
    flow.abort("abandoned");
    this.#fail([flow], thrown)?.catch(this.#parts.onFault);
  }

  #take(route: RouteRunner, message: StoredMessage): void {
    const open = this.progress.open.get(message.id);
    const resumed = open?.inFlight === true && open.attempt === message.attempt ? open.ran : null;
    const flow = new Flow(this.#host, route.definition, message, resumed);
    this.#inFlight.add(flow);
    route.running += 1;
    this.#inFlight.touch(flow);
    if (message.interruptions >= MAX_INTERRUPTIONS) {
      const text = `The process died ${message.interruptions} times while this message was in flight; it is not tried again.`;
      this.#settled(route, this.#fail([flow], new StepFailure(messageError("CRASH_LOOP", text, false), null)));
      return;
    }
    this.#settled(
      route,
      this.#parts.trace(flow, () => this.#work(route, flow)),
    );
  }

  /** Runs the chain up to its end, or to the gathering adapter. */
  #work(route: RouteRunner, flow: Flow): Pending {
    try {
      const pending = route.chain.run(flow, flow.payload, 0);
      if (pending !== undefined) {
        return pending.then(
          () => this.#worked(route, flow),
          (error) => this.#fail([flow], error),
        );
      }
    } catch (error) {
      return this.#fail([flow], error);
    }
    return this.#worked(route, flow);
  }

  #worked(route: RouteRunner, flow: Flow): Pending {
    if (flow.gathered.length > 0 && route.gatherer !== null && !flow.closed) {
      if (this.#intake.closed) return this.#drop(flow);
      route.gatherer.add(flow);
      return undefined;
    }
    return this.#complete([flow]);
  }

  #runBatch(route: RouteRunner, batch: Batch): void {
    const [leader] = batch.flows;
    route.running += 1;
    this.#flush(leader)?.catch(this.#parts.onFault);
    leader.beginAtomic();
    const run = async () => {
      try {
        for (const payload of batch.payloads) await route.chain.run(leader, payload, route.gatherIndex + 1);
      } catch (error) {
        leader.dropPending();
        await this.#fail(batch.flows, error);
        return;
      }
      await this.#complete(batch.flows);
    };
    this.#settled(route, this.#parts.trace(leader, run));
  }

  /** Frees the slot when the work is done: when its outcome is on its way to the journal, or committed under pressure. */
  #settled(route: RouteRunner, work: Pending): void {
    if (work === undefined) {
      // Taken by the pump, which goes on by itself.
      route.running -= 1;
      this.#checkEnd();
      return;
    }
    work.catch(this.#parts.onFault).then(() => {
      route.running -= 1;
      this.#checkEnd();
      this.#intake.pump();
    });
  }

  #complete(flows: readonly Flow[]): Pending {
    const open = flows.filter((flow) => !flow.closed);
    const [leader] = open;
    if (leader === undefined) return undefined;
    const limit = this.#parts.definition.limits.maxMessages;
    if (limit !== null && this.#enqueued + leader.messages.length > limit) return this.#overLimit(open, limit);
    for (const flow of open) this.#inFlight.close(flow);
    const { events, enqueue, changes } = settleCompleted(open, leader === flows[0] ? leader : undefined);
    return this.#append({ executionId: this.id, events, enqueue, changes }, open);
  }

  #overLimit(flows: readonly Flow[], limit: number): Pending {
    for (const flow of flows) flow.dropPending();
    const text = `The execution would have more than ${limit} messages (limits.max_messages).`;
    return this.#fail(flows, new StepFailure(messageError("MESSAGE_LIMIT_EXCEEDED", text, false), null), "fail");
  }

  #fail(flows: readonly Flow[], thrown: unknown, onError = flows[0]?.route.errorHandling.onError): Pending {
    const open = flows.filter((flow) => !flow.closed);
    if (open.length === 0) return undefined;
    const failure = thrown instanceof StepFailure ? thrown : { error: toEventError(thrown), step: null };
    for (const flow of open) this.#inFlight.close(flow);
    // A batch fails as one: with one message that ends the execution, no other of it is tried again.
    const exhausted = open.some(({ message, route }) => message.failures >= route.errorHandling.maxRetries);
    const mayRetry = this.#stopping === null && !(exhausted && onError === "fail");
    const now = this.#parts.clock.now();
    const { settled, retried, ...settlement } = settleFailed(open, failure, { mayRetry, now });
    const [first] = settled;
    let record: Transition["record"];
    if (first !== undefined && onError === "fail" && this.#stopping === null) {
      this.#stopping = "failed";
      this.#errorInfo = {
        code: failure.error.code,
        message: failure.error.message,
        message_id: first.message.id,
        route: first.message.route,
        ...(failure.step === null ? {} : { adapter: failure.step.name }),
      };
      record = { stopping: this.#stopping, errorInfo: this.#errorInfo };
      this.#intake.close();
      this.#dropParked();
    }
    const transition = { executionId: this.id, ...settlement, ...(record === undefined ? {} : { record }) };
    return this.#append(transition, settled, retried);
  }

  /** Fails what gatherers hold: nothing will be taken any more. */
  #dropParked(): void {
    for (const route of this.#routes.values()) {
      for (const flow of route.takeParked()) this.#drop(flow)?.catch(this.#parts.onFault);
    }
  }

  #drop(flow: Flow): Pending {
    if (this.#paused) {
      this.#inFlight.close(flow);
      return undefined;
    }
    const text = "The execution was stopped while the message was in flight.";
    return this.#fail([flow], new StepFailure(messageError("CANCELLED", text, false), null));
  }

  /**
   * Fails what will not be taken again: messages that wait for another attempt, and those that were in flight when the
   * process died while the execution was stopping.
   */
  async #dropOpen(): Promise<void> {
    const { open } = this.progress;
    for await (const message of findMessages(this.#parts.work, this.id, this.#routes.keys(), [...open.keys()])) {
      const route = this.#routes.get(message.route);
      const last = open.get(message.id);
      if (route === undefined || last === undefined) continue;
      // One that waits was promised another attempt (`will_retry`): it begins, and fails at once.
      const flow = new Flow(this.#host, route.definition, message, last.inFlight ? [] : null);
      this.#inFlight.add(flow);
      await this.#drop(flow)?.catch(this.#parts.onFault);
    }
  }

  #flush(flow: Flow): Pending {
    this.#inFlight.flushed(flow);
    if (flow.closed) return undefined;
    const limit = this.#parts.definition.limits.maxMessages;
    if (limit !== null && this.#enqueued + flow.messages.length > limit) {
      flow.abort("cancelled");
      return this.#overLimit([flow], limit);
    }
    const { events, enqueue, changes } = flow.drain();
    if (events.length === 0 && enqueue.length === 0) return undefined;
    return this.#append({ executionId: this.id, events, enqueue, changes });
  }

  /** Commits, then lets the journal's word count: the fold, the queues, the end. */
  #append(
    transition: Transition,
    settled: readonly Flow[] = [],
    retried: FailedSettlement["retried"] = NONE_RETRIED,
  ): Pending {
    this.#enqueued += transition.enqueue?.length ?? 0;
    const { journal, onFault } = this.#parts;
    // Under no pressure nobody waits for the commit of an outcome: a slot is free as soon as it is on its way.
    const free = settled.length > 0 && journal.backlog + transition.events.length < MAX_BACKLOG;
    const committing = journal.append(transition).then(
      ({ seqs }) => this.#committed(transition, seqs, settled, retried),
      (error) => {
        this.#breakDown(error);
        if (free) onFault(error);
        else throw error;
      },
    );
    return free ? undefined : committing;
  }

  #committed(
    transition: Transition,
    seqs: readonly number[],
    settled: readonly Flow[],
    retried: FailedSettlement["retried"],
  ): void {
    for (const event of transition.events) foldEvent(this.progress, event);
    // Not before: a message is read from the store to be retried, which must know of the attempt that failed.
    for (const { flow, dueAt } of retried) {
      const route = this.#routes.get(flow.message.route);
      if (route !== undefined) this.#intake.retryLater(route, flow.message.seq, dueAt);
    }
    for (const flow of settled) {
      const route = this.#routes.get(flow.message.route);
      if (route !== undefined) route.unsettled -= 1;
    }
    this.#intake.arrive(transition, seqs);
    this.#checkEnd();
    this.#intake.pump();
  }

  /** What happened cannot be written down, whatever is tried: the execution fails, rather than to run on for ever. */
  #breakDown(error: unknown): void {
    // A journal that is closed is no fault: the message is taken again after the next start.
    const closed = error instanceof MillraceError && error.code === "SERVICE_UNAVAILABLE";
    if (closed || this.#broken || this.#ended) return;
    this.#broken = true;
    const message = error instanceof Error ? error.message : String(error);
    const text = `The journal refused what happened: ${message}`;
    this.stop("failed", { code: "INTERNAL", message: text }).catch(this.#parts.onFault);
  }

  /** RFC 3339, made once for all that happens in the same millisecond. */
  #timestamp(): string {
    const now = this.#parts.clock.now();
    if (now !== this.#lastNow) {
      this.#lastNow = now;
      this.#lastTimestamp = new Date(now).toISOString();
    }
    return this.#lastTimestamp;
  }

  #checkEnd(): void {
    if (this.#ended || this.#ending || this.#paused || this.#requeueing > 0) return;
    const over = this.#stopping === null ? this.progress.outstanding === 0 : this.#inFlight.size === 0;
    if (!over) return;
    this.#ending = true;
    this.#end().catch(this.#parts.onFault);
  }

  async #end(): Promise<void> {
    const { journal, clock } = this.#parts;
    const status = this.#stopping ?? "completed";
    // Whatever was on its way is folded by now: the state that is kept is the state of the whole journal.
    await journal.append({ executionId: this.id, events: [] });
    if (this.#stopping !== null && this.progress.open.size > 0) {
      await this.#dropOpen().catch(this.#parts.onFault);
      await journal.append({ executionId: this.id, events: [] });
    }
    // What was not failed any more is found at the next start.
    if (this.#paused && this.progress.open.size > 0) return;
    const at = new Date(clock.now()).toISOString();
    foldEnded(this.progress);
    await journal.append({
      executionId: this.id,
      events: [],
      lifecycle: { kind: "ended", at, status },
      record: {
        status,
        completedAt: at,
        errorInfo: this.#errorInfo,
        stopping: null,
        progressJson: progressToJson(this.progress),
      },
    });
    this.#ended = true;
    this.#intake.close();
    this.#parts.onEnd();
  }
}
