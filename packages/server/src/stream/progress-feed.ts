import type { Position } from "@millrace/engine";
import {
  type ExecutionStatus,
  encodeFrame,
  isTerminal,
  type ProgressData,
  type RouteProgressData,
} from "@millrace/protocol";
import { FrameBytes } from "./frame-bytes.ts";
import type { ProgressSubscriber } from "./progress-subscriber.ts";

/** The state of an execution at one moment. */
export interface ProgressSnapshot {
  readonly status: ExecutionStatus;
  readonly routes: readonly Omit<RouteProgressData, "rate">[];
  /** Epoch ms of the first and the last event; null before any. */
  readonly firstEventAt: number | null;
  readonly lastEventAt: number | null;
}

/** Tells the state of an execution; null where there is no such execution. */
export type ReadProgress = (executionId: string) => Promise<ProgressSnapshot | null>;

/** A state as it is sent. */
export interface ProgressFrame {
  readonly frames: FrameBytes;
  readonly status: ExecutionStatus;
  /** The id of the last event that it tells of, at least. */
  readonly lastId: Position;
}

/** States are sent no closer together than this. */
const INTERVAL_MS = 250;

/** A run that has fallen quiet is told of so often until its rate has, too. */
const QUIET_MS = 1_000;

/** What rates are taken over. */
const RATE_WINDOW_MS = 5_000;

interface Sample {
  readonly at: number;
  readonly settled: ReadonlyMap<string, number>;
}

/**
 * The progress of one execution, for all streams with `view=progress` that watch it: its state is asked for when
 * something was committed, at most every {@link INTERVAL_MS}, made a frame once, and sent to all of them.
 */
export class ProgressFeed {
  readonly #executionId: string;
  readonly #read: ReadProgress;
  readonly #members = new Set<ProgressSubscriber>();
  readonly #samples: Sample[] = [];
  #lastId: Position;
  #lastSent = Number.NEGATIVE_INFINITY;
  #frame: ProgressFrame | null = null;
  #stale = true;
  #timer: NodeJS.Timeout | undefined;
  #quietTimer: NodeJS.Timeout | undefined;
  #asking = false;

  /** `lastId`: the id of the last event that was committed before it is told of commits. */
  constructor(executionId: string, read: ReadProgress, lastId: Position) {
    this.#executionId = executionId;
    this.#read = read;
    this.#lastId = lastId;
  }

  /** Streams that watch it. */
  get members(): number {
    return this.#members.size;
  }

  /** Sends the newest state to a stream, and from then on every one. */
  join(subscriber: ProgressSubscriber): void {
    this.#members.add(subscriber);
    if (this.#frame !== null && !this.#stale) subscriber.show(this.#executionId, this.#frame);
    else this.#schedule();
  }

  /** Takes out a stream. */
  leave(subscriber: ProgressSubscriber): void {
    this.#members.delete(subscriber);
    if (this.#members.size > 0) return;
    clearTimeout(this.#quietTimer);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Something was committed: events up to `lastId`, or (null) a change of the execution's status. */
  changed(lastId: Position | null): void {
    this.#stale = true;
    if (lastId !== null) this.#lastId = lastId;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#asking || this.#members.size === 0) return;
    const waitMs = Math.max(0, this.#lastSent + INTERVAL_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#send();
    }, waitMs);
  }

  async #send(): Promise<void> {
    clearTimeout(this.#quietTimer);
    this.#asking = true;
    this.#stale = false;
    // What is committed while the state is asked for may be in it or not: the id promises no more than is.
    const lastId = this.#lastId;
    let snapshot: ProgressSnapshot | null = null;
    try {
      snapshot = await this.#read(this.#executionId);
    } catch {
      // The store cannot be read: a stream that comes back is told so.
    }
    this.#asking = false;
    this.#lastSent = performance.now();
    if (snapshot === null) {
      // Whoever comes next asks anew.
      this.#stale = true;
      for (const member of this.#members) member.lose(this.#executionId);
      return;
    }
    // Nothing comes after the end, so there it is the last of all.
    const id = isTerminal(snapshot.status) ? this.#lastId : lastId;
    const data = this.#dataOf(snapshot);
    this.#frame = {
      frames: FrameBytes.of(encodeFrame("progress", JSON.stringify(data), id)),
      status: snapshot.status,
      lastId: id,
    };
    for (const member of this.#members) member.show(this.#executionId, this.#frame);
    if (this.#stale) this.#schedule();
    else if (data.rate > 0 && data.status === "running" && this.#members.size > 0) {
      this.#quietTimer = setTimeout(() => this.#schedule(), QUIET_MS);
    }
  }

  #dataOf({ status, routes, firstEventAt, lastEventAt }: ProgressSnapshot): ProgressData {
    const now = Date.now();
    const settled = new Map(routes.map((route) => [route.route, route.completed + route.failed]));
    const over = status !== "running" && status !== "interrupted";
    const since = over ? undefined : this.#sampleSince(now);
    // Nothing changed between a sample from before the window and the window, or there would be another.
    const from = since === undefined ? (firstEventAt ?? now) : Math.max(since.at, now - RATE_WINDOW_MS);
    const seconds = Math.max(0.001, ((over ? (lastEventAt ?? now) : now) - from) / 1000);
    let allGrown = 0;
    const told = routes.map((route) => {
      const grown = Math.max(0, route.completed + route.failed - (since?.settled.get(route.route) ?? 0));
      allGrown += grown;
      return { ...route, rate: round(grown / seconds) };
    });
    this.#samples.push({ at: now, settled });
    const sum = (key: "queued" | "running" | "retrying" | "completed" | "failed") =>
      told.reduce((total, route) => total + route[key], 0);
    return {
      execution_id: this.#executionId,
      status,
      timestamp: new Date(now).toISOString(),
      queued: sum("queued"),
      running: sum("running"),
      retrying: sum("retrying"),
      completed: sum("completed"),
      failed: sum("failed"),
      rate: round(allGrown / seconds),
      routes: told,
    };
  }

  /** The last sample from before the window, or the oldest there is. */
  #sampleSince(now: number): Sample | undefined {
    while ((this.#samples[1]?.at ?? now) <= now - RATE_WINDOW_MS) this.#samples.shift();
    return this.#samples[0];
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
