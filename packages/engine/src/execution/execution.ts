import { type ErrorInfo, foldRequeued, MillraceError, type Progress, type TerminalStatus } from "@millrace/protocol";
import type { Step } from "../definition/definition.ts";
import type { MessageChange, StoredMessage } from "../ports.ts";
import { Chain, StepFailure } from "../route/chain.ts";
import type { Flow, FlowHost } from "../route/flow.ts";
import { linkRoutes, RouteRunner } from "../route/route-runner.ts";
import { stepLog } from "../route/step-log.ts";
import { Attempts } from "./attempts.ts";
import { Commits } from "./commits.ts";
import { Ending } from "./ending.ts";
import type { ExecutionParts } from "./execution-parts.ts";
import { hasMoved } from "./has-moved.ts";
import { InFlight } from "./in-flight.ts";
import { Intake } from "./intake.ts";
import { messageError } from "./message-error.ts";
import { Outcomes } from "./outcomes.ts";
import { Timestamps } from "./timestamps.ts";

/**
 * One execution at work.
 *
 * States: *running* → *stopping* (nothing is taken; what is in flight comes to its end) → *ended*; and *paused*
 * (nothing is taken and nothing is settled any more: the process shuts down, and takes it up at its next start), or
 * *dropped* (likewise at once: another node works on it).
 * It ends when the journal says so: when nothing is outstanding, or when it is stopping and nothing is in flight.
 */
export class Execution {
  readonly id: string;
  readonly progress: Progress;
  readonly #parts: ExecutionParts;
  readonly #routes: ReadonlyMap<string, RouteRunner>;
  readonly #inFlight: InFlight;
  readonly #intake: Intake;
  readonly #commits: Commits;
  readonly #outcomes: Outcomes;
  readonly #ending: Ending;
  #broken = false;
  #lastWords: Promise<unknown> = Promise.resolve();

  /** @throws MillraceError CONFIG_INVALID when an adapter's `prepare` throws */
  constructor(
    parts: ExecutionParts,
    state: { progress: Progress; stopping: TerminalStatus | null; errorInfo: ErrorInfo | null },
  ) {
    const { progress } = state;
    this.id = parts.id;
    this.progress = progress;
    this.#parts = parts;
    const routes = makeRoutes(parts, () => intake.pump());
    const inFlight = new InFlight((flow) => outcomes.flush(flow)?.catch(parts.onFault));
    const intake: Intake = new Intake(parts, routes, inFlight, {
      take: (route, message) => attempts.take(route, message),
      runBatch: (route, batch) => attempts.runBatch(route, batch),
      committed: () => commits.append({ executionId: parts.id, events: [] }),
    });
    const ending = new Ending(parts, state, inFlight, {
      dropOpen: () => outcomes.dropOpen(),
      ended: () => {
        intake.close();
        parts.onEnd();
      },
    });
    const commits = new Commits(parts, progress, routes, intake, {
      committed: () => this.#goOn(),
      refused: (error) => this.#breakDown(error),
    });
    const timestamps = new Timestamps(parts.clock);
    const flowHost: FlowHost = {
      executionId: parts.id,
      project: parts.project,
      rootCorrelationId: parts.rootCorrelationId,
      limits: parts.definition.limits,
      maxPayloadBytes: parts.settings.maxPayloadBytes,
      maxEmitsPerStep: parts.settings.maxEmitsPerStep,
      trace: parts.tracing,
      timestamp: () => timestamps.now(),
      monotonicMs: () => performance.now(),
      hasRoute: (route) => routes.has(route),
      touch: (flow) => inFlight.touch(flow),
      flush: (flow) => outcomes.flush(flow),
      commitLate: (change) => {
        parts.journal.append({ executionId: parts.id, events: [], objects: [change] }).catch(parts.onFault);
      },
    };
    const outcomes = new Outcomes({ parts, progress, routes, flowHost, inFlight, intake, commits, ending });
    const attempts = new Attempts({ parts, progress, flowHost, inFlight, intake, outcomes, ending });
    this.#routes = routes;
    this.#inFlight = inFlight;
    this.#intake = intake;
    this.#ending = ending;
    this.#commits = commits;
    this.#outcomes = outcomes;
    if (ending.stopping) intake.close();
  }

  /** Messages that are committed and not settled, per route. */
  get unsettled(): Record<string, number> {
    const depths: Record<string, number> = Object.create(null);
    for (const [name, route] of this.#routes) depths[name] = route.unsettled;
    return depths;
  }

  /** Messages that are taken and not settled. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Whether failed messages can be taken back: it neither is over, nor comes to an end. */
  get takesBack(): boolean {
    return !this.#ending.begun && !this.#ending.paused && !this.#ending.stopping;
  }

  /**
   * Keeps the execution from its end while `work` takes failed messages back. To be called only where {@link takesBack}
   * is true.
   */
  async whileTakingBack<T>(work: () => Promise<T>): Promise<T> {
    this.#ending.hold();
    try {
      return await work();
    } finally {
      this.#ending.release();
      this.#intake.pump();
    }
  }

  /** Puts failed messages back into their queues: one transition. To be called within {@link whileTakingBack}. */
  async requeue(
    messages: readonly {
      readonly id: string;
      readonly seq: number;
      readonly route: string;
      readonly payloadJson: string | null;
    }[],
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
    this.#parts.tracing?.takenBack(messages.map(({ id }) => id));
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
      this.#commits.enqueued += count;
      const route = this.#routes.get(name);
      if (route === undefined) continue;
      route.unsettled += count;
      route.queue.load();
    }
    this.#goOn();
  }

  /** Begins with its first message, which is committed; without one it completes at once. */
  begin(first: StoredMessage | null): void {
    if (first !== null) {
      this.#commits.enqueued = 1;
      const route = this.#routes.get(first.route);
      if (route !== undefined) route.unsettled += 1;
      route?.queue.push(first);
    }
    this.#goOn();
  }

  /** Goes on from what the store holds. */
  async resume(): Promise<void> {
    const { work } = this.#parts;
    const depths = await work.depths(this.id);
    this.#commits.enqueued = this.progress.completed + this.progress.failed;
    for (const [name, depth] of Object.entries(depths)) {
      const route = this.#routes.get(name);
      if (route === undefined) continue;
      route.unsettled = depth;
      this.#commits.enqueued += depth;
      if (!this.#ending.stopping) route.queue.load();
    }
    if (!this.#ending.stopping) {
      const now = this.#parts.clock.now();
      for (const { seq, route: name, dueAt } of await work.delayed(this.id)) {
        const route = this.#routes.get(name);
        if (route === undefined) continue;
        // Without a timer for each of those whose time has come: a retry of all may have been as many as there are.
        if (dueAt <= now) this.#intake.requeue(route, seq);
        else this.#intake.retryLater(route, seq, dueAt);
      }
    }
    this.#goOn();
  }

  /** Tells it to come to an end: running adapters are aborted, nothing more is taken. */
  async stop(status: TerminalStatus, errorInfo: ErrorInfo | null): Promise<void> {
    if (this.#ending.begun) return;
    const record = this.#ending.stop(status, errorInfo);
    this.#intake.close();
    await this.#commits.append({ executionId: this.id, events: [], record });
    for (const flow of this.#inFlight.all()) flow.abort("cancelled");
    this.#outcomes.dropParked();
    this.#ending.check();
  }

  /** Takes nothing more; resolves when nothing is in flight, or after `graceMs`, when the rest is abandoned. */
  async pause(graceMs: number): Promise<void> {
    this.#ending.pause();
    this.#intake.close();
    this.#withdraw();
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
    if (this.#ending.ended) return;
    for (const [id, message] of this.progress.open) if (message.inFlight) left.add(id);
    // Not waited for here: a store that cannot be written must not hold up the shutdown.
    const words: Promise<unknown>[] = [];
    if (!this.#ending.begun) {
      const at = new Date(this.#parts.clock.now()).toISOString();
      const paused = { kind: "paused", at, left: left.size } as const;
      words.push(this.#parts.journal.append({ executionId: this.id, events: [], lifecycle: paused }));
    }
    // They are not what ends the process.
    if (left.size > 0) words.push(this.#parts.work.countInterruption(this.id, [...left], -1));
    this.#lastWords = Promise.all(words.map((word) => word.catch(this.#parts.onFault)));
  }

  /** Resolves when what {@link pause} had to say is written down, or cannot be. */
  get lastWords(): Promise<unknown> {
    return this.#lastWords;
  }

  /** Lets go of everything at once, without a word in the journal: it is another node's to go on with. */
  drop(): void {
    this.#ending.pause();
    this.#intake.close();
    this.#withdraw();
    for (const route of this.#routes.values()) for (const flow of route.takeParked()) this.#inFlight.close(flow);
    for (const flow of this.#inFlight.all()) {
      flow.abort("abandoned");
      this.#inFlight.close(flow);
    }
  }

  /** The flow's adapter has ended the process: said in the journal, so that the message is not tried for ever. */
  blame(flow: Flow): void {
    if (flow.closed) return;
    const error = messageError("ADAPTER_EXITED", "The adapter ended the process.", true);
    this.#outcomes.fail([flow], new StepFailure(error, null))?.catch(this.#parts.onFault);
  }

  /** Fails a flow with what its adapter let escape outside of its own call. */
  failFlow(flow: Flow, thrown: unknown): void {
    flow.abort("abandoned");
    this.#outcomes.fail([flow], thrown)?.catch(this.#parts.onFault);
  }

  /** What was taken and has not begun is as if it had not been taken. */
  #withdraw(): void {
    for (const flow of this.#parts.spread?.withdraw(this.id) ?? []) this.#inFlight.close(flow);
  }

  #goOn(): void {
    this.#ending.check();
    this.#intake.pump();
  }

  /** What happened cannot be written down, whatever is tried: the execution fails, rather than to run on for ever. */
  #breakDown(error: unknown): void {
    // A journal that is closed is no fault: the message is taken again after the next start.
    const closed = error instanceof MillraceError && error.code === "SERVICE_UNAVAILABLE";
    // Whoever reports it is told to let go of the execution.
    if (closed || hasMoved(error) || this.#broken || this.#ending.ended) return;
    this.#broken = true;
    const message = error instanceof Error ? error.message : String(error);
    const text = `The journal refused what happened: ${message}`;
    this.stop("failed", { code: "INTERNAL", message: text }).catch(this.#parts.onFault);
  }
}

/** @throws MillraceError CONFIG_INVALID when an adapter's `prepare` throws */
function makeRoutes(parts: ExecutionParts, onReady: () => void): ReadonlyMap<string, RouteRunner> {
  const chainHost = {
    objects: parts.objects,
    search: parts.search,
    cache: parts.cache,
    threads: parts.threads,
    children: parts.children,
    abandonAfterMs: parts.settings.abandonAfterMs,
    observer: parts.observer,
    log: (flow: Flow, step: Step) => stepLog((fields) => parts.log(fields), flow, step),
  };
  const routes = new Map<string, RouteRunner>();
  for (const route of parts.definition.routes) {
    const chain = new Chain(route, chainHost);
    routes.set(route.route, new RouteRunner(parts.id, route, chain, parts.work, onReady));
  }
  linkRoutes(routes);
  return routes;
}
