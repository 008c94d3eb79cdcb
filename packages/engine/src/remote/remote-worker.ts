import { AsyncLocalStorage } from "node:async_hooks";
import { MillraceError } from "@millrace/protocol";
import type { AdapterLog } from "../adapter.ts";
import type { Bus, TakenTask, TaskQueue } from "../bus-port.ts";
import { decodeEnvelope, encodeEnvelope } from "../cluster/envelope.ts";
import type { Ownership } from "../ownership-port.ts";
import type { Clock } from "../ports.ts";
import { abortSchema, abortsSubject, aliveAnswerSchema, flowsSubject, type Task, taskSchema } from "./flow-request.ts";
import type { FrozenPipelines } from "./frozen-pipelines.ts";
import { RemoteSession } from "./remote-session.ts";

/** Tasks that are taken at a time. */
const TAKEN_AT_ONCE = 16;

/** How long one take waits for a task, and how long a node without room, or queue, waits for that, in milliseconds. */
const TAKE_MS = 5_000;
const NO_ROOM_MS = 20;
const NO_QUEUE_MS = 1_000;

/** A task that this node does not do is another's, or is asked for again, so much later, in milliseconds. */
const GIVE_BACK_MS = 1_000;

/** What a worker needs. */
export interface RemoteWorkerHost {
  readonly bus: Bus;
  readonly tasks: TaskQueue;
  readonly ownership: Ownership;
  readonly pipelines: FrozenPipelines;
  readonly clock: Clock;
  readonly log: AdapterLog;
  /** How often owners are told that their messages are worked on, in milliseconds. */
  readonly aliveEveryMs: number;
  /** Slots to spare. */
  free(): number;
  /** Takes one; what it returns gives it back. */
  takeSlot(): () => void;
  /** A task of this node's own: true where it is under way, or nothing is left to do. */
  takeBack(offer: string): boolean;
}

/**
 * Works on messages that other nodes have no room for, while this one has.
 *
 * States: *open* → *closing* (nothing is taken; sessions come to their end, or are given up) → closed.
 */
export class RemoteWorker {
  readonly #host: RemoteWorkerHost;
  readonly #sessions = new Map<string, { readonly session: RemoteSession; readonly done: Promise<void> }>();
  readonly #tasks = new Set<TakenTask>();
  readonly #traces = new AsyncLocalStorage<RemoteSession>();
  readonly #closing = new AbortController();
  #timers: NodeJS.Timeout[] = [];
  #unsubscribe = () => {};
  #loop: Promise<void> = Promise.resolve();

  constructor(host: RemoteWorkerHost) {
    this.#host = host;
  }

  /** Messages of other nodes that it works on. */
  get running(): number {
    return this.#sessions.size;
  }

  open(nodeId: string): void {
    this.listenAs(nodeId);
    this.#timers = [
      setInterval(() => this.#tellAlive(), this.#host.aliveEveryMs),
      setInterval(
        () => {
          for (const task of this.#tasks) task.extend();
        },
        Math.max(10, this.#host.tasks.redeliverAfterMs / 3),
      ),
    ];
    this.#loop = this.#takeAll();
  }

  /** Hears as this node, which has another id when its lease was lost. */
  listenAs(nodeId: string): void {
    this.#unsubscribe();
    this.#unsubscribe = this.#host.bus.subscribe(abortsSubject(nodeId), (data) => {
      try {
        const { session, cause } = decodeEnvelope(data, abortSchema);
        this.#sessions.get(session)?.session.abort(cause);
      } catch (error) {
        this.#host.log.warn(`A node said what is not understood: ${error}`);
      }
    });
  }

  /** What an adapter let escape. True where it could be traced to a message of another node. */
  blameError(error: unknown): boolean {
    const session = this.#traces.getStore();
    session?.blame(error);
    return session !== undefined;
  }

  /** What ends the process is an adapter at a message of another node: resolves when its owner knows; null where it is not. */
  blameEnd(error: unknown): Promise<void> | null {
    const session = this.#traces.getStore();
    if (session === undefined) return null;
    session.blame(error);
    return this.#sessions.get(session.id)?.done ?? Promise.resolve();
  }

  /** Takes nothing more; what is not done after `graceMs` is given back. */
  async close(graceMs: number): Promise<void> {
    this.#closing.abort();
    const all = Promise.allSettled([...this.#sessions.values()].map(({ done }) => done));
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([all, grace]);
    clearTimeout(timer);
    await Promise.all([...this.#sessions.values()].map(({ session }) => session.giveUp(true)));
    this.#unsubscribe();
    for (const interval of this.#timers) clearInterval(interval);
    await this.#loop;
  }

  async #takeAll(): Promise<void> {
    const { tasks, free } = this.#host;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const room = Math.min(TAKEN_AT_ONCE, free());
      if (room === 0) {
        await pause(NO_ROOM_MS, signal);
        continue;
      }
      let taken: TakenTask[];
      try {
        taken = await tasks.take(room, TAKE_MS, signal);
      } catch {
        // Its own health is reported elsewhere.
        await pause(NO_QUEUE_MS, signal);
        continue;
      }
      for (const task of taken) {
        if (signal.aborted) task.giveBack(0);
        else this.#work(task);
      }
    }
  }

  #work(taken: TakenTask): void {
    const { ownership, takeBack, log } = this.#host;
    let task: Task;
    try {
      task = decodeEnvelope(taken.data, taskSchema);
    } catch (error) {
      // A node that knows it takes it, if there is one; its owner does in any case.
      log.warn(`A task is not understood: ${error}`);
      taken.giveBack(GIVE_BACK_MS);
      return;
    }
    // While it waited for a task this node may have got enough to do.
    const own = task.owner === ownership.nodeId;
    if (own ? !takeBack(task.offer) : this.#host.free() === 0) taken.giveBack(NO_ROOM_MS);
    else if (own) taken.done();
    else this.#begin(taken, task);
  }

  #begin(taken: TakenTask, task: Task): void {
    const { ownership, takeSlot } = this.#host;
    const release = takeSlot();
    const { bus, clock } = this.#host;
    const trace = <T>(session: RemoteSession, run: () => T) => this.#traces.run(session, run);
    const session = new RemoteSession(task, { bus, ownership, clock, trace });
    this.#tasks.add(taken);
    const done = this.#run(session, task)
      .then(
        (over) => (over ? taken.done() : taken.giveBack(GIVE_BACK_MS)),
        (error) => this.#notBegun(taken, task, error),
      )
      .finally(() => {
        this.#tasks.delete(taken);
        this.#sessions.delete(session.id);
        release();
      });
    this.#sessions.set(session.id, { session, done });
  }

  async #run(session: RemoteSession, task: Task): Promise<boolean> {
    const pipeline = await this.#host.pipelines.of(task.execution);
    return pipeline === null || session.run(pipeline);
  }

  async #notBegun(taken: TakenTask, task: Task, error: unknown): Promise<void> {
    const { ownership, log } = this.#host;
    const code = error instanceof MillraceError ? error.code : null;
    if (code !== "NODE_UNREACHABLE") log.warn(`A message of execution ${task.execution} is left to others: ${error}`);
    const owner = await ownership.ownerOf(task.execution).catch(() => undefined);
    // Whoever owns it now knows the message, and offers it again.
    if (owner !== undefined && owner?.id !== task.owner) taken.done();
    else taken.giveBack(GIVE_BACK_MS);
  }

  #tellAlive(): void {
    const { bus, aliveEveryMs } = this.#host;
    const byOwner = new Map<string, RemoteSession[]>();
    for (const { session } of this.#sessions.values()) {
      byOwner.set(session.owner, [...(byOwner.get(session.owner) ?? []), session]);
    }
    for (const [owner, sessions] of byOwner) {
      const alive = { kind: "alive", sessions: sessions.filter(({ began }) => began).map(({ id }) => id) };
      bus.request(flowsSubject(owner), encodeEnvelope(alive, bus.maxBytes), aliveEveryMs).then(
        (data) => {
          const { gone, cancelled } = decodeEnvelope(data, aliveAnswerSchema);
          for (const id of gone) this.#sessions.get(id)?.session.abort("abandoned");
          for (const id of cancelled) this.#sessions.get(id)?.session.abort("cancelled");
        },
        () => Promise.all(sessions.map((session) => session.checkOwner())),
      );
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
