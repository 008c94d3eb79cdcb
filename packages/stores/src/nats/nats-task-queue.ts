import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { TakenTask, TaskQueue } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { JetStreamApiError, type JetStreamClient, jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { Pull, type PullRequest } from "./pull.ts";
import { CONSUMER, TaskStream } from "./task-stream.ts";

const REDELIVER_AFTER_MS = 30_000;
const MAX_TASKS = 100_000;

/** How long a put is tried, in milliseconds: for longer than a cluster takes to choose another leader. */
const PUT_PATIENCE_MS = 15_000;

/** How long one try of a put waits for its acknowledgement, in milliseconds. */
const PUT_TRY_MS = 2_000;

/** Between two tries of something that failed, in milliseconds. */
const PAUSE_MS = 100;

/** One request for a task waits so long at the server, in milliseconds, and is then made again. */
const PULL_MS = 5_000;

/** How long the server may take to say that there is nothing, in milliseconds. */
const ANSWER_MS = 2_000;

/**
 * A stream that is gone is made again after so long, in milliseconds: a server that is still clearing away the old one
 * (nats-server 2.9.10) makes a consumer that gives out nothing.
 */
const RENEW_PAUSE_MS = 500;

/** What JetStream says of a stream that is full; the code says only that it was not stored. */
const FULL = /maximum (messages|bytes) exceeded/;

/** How a work queue is opened. */
export interface TaskQueueOptions {
  /** @see TaskQueue.redeliverAfterMs. Default 30000. */
  readonly redeliverAfterMs?: number;
  /** Copies of a task, on as many servers. Default: three where the cluster has them, else one. */
  readonly replicas?: number;
  /** Tasks that it holds at most; more are refused. Default 100000. */
  readonly maxTasks?: number;
}

/**
 * A {@link TaskQueue} over a stream of JetStream that keeps a message until it is acknowledged. Tasks are given out in
 * the order in which they were put. Its stream and its consumer are made where they are not there, also later.
 */
export class NatsTaskQueue implements TaskQueue {
  readonly redeliverAfterMs: number;
  /** Told when the stream was made anew: what was in it is gone, and has to be put again. */
  onRenewed: () => void = () => {};
  readonly #connection: NatsConnection;
  readonly #stream: TaskStream;
  readonly #client: JetStreamClient;
  readonly #pulling: Omit<PullRequest, "limit" | "waitMs">;
  #created: string;
  #replicas: number;
  #ensuring: Promise<void> | null = null;

  private constructor(
    connection: NatsConnection,
    stream: TaskStream,
    prefix: string,
    redeliverAfterMs: number,
    made: { readonly created: string; readonly replicas: number },
  ) {
    this.#connection = connection;
    this.#stream = stream;
    this.#client = jetstream(connection);
    this.#pulling = { answerMs: ANSWER_MS, inboxPrefix: `${prefix}.inbox`, redeliverAfterMs };
    this.redeliverAfterMs = redeliverAfterMs;
    this.#created = made.created;
    this.#replicas = made.replicas;
  }

  /** @throws MillraceError STORE_UNREACHABLE where JetStream is not enabled, or has no room */
  static async open(connection: NatsConnection, prefix: string, options: TaskQueueOptions): Promise<NatsTaskQueue> {
    const { redeliverAfterMs = REDELIVER_AFTER_MS, replicas = null, maxTasks = MAX_TASKS } = options;
    const stream = await TaskStream.open(connection, prefix, { redeliverAfterMs, replicas, maxTasks });
    return new NatsTaskQueue(connection, stream, prefix, redeliverAfterMs, await stream.ensure());
  }

  /** On how many servers each task is, as far as is known. */
  get replicas(): number {
    return this.#replicas;
  }

  async put(data: Uint8Array): Promise<void> {
    // What is tried again is the same task.
    const msgID = randomUUID();
    const deadline = performance.now() + PUT_PATIENCE_MS;
    while (true) {
      try {
        await this.#client.publish(this.#stream.subject, data, { msgID, timeout: PUT_TRY_MS });
        return;
      } catch (error) {
        if (error instanceof JetStreamApiError && FULL.test(error.message)) {
          throw unavailable("it is full: workers do not keep up");
        }
        if (this.#connection.isClosed() || performance.now() > deadline) {
          throw unavailable(error instanceof Error ? error.message : String(error));
        }
      }
      await this.#renew();
      await wait(PAUSE_MS);
    }
  }

  depth(): Promise<{ waiting: number; taken: number }> {
    return this.#stream.depth();
  }

  async take(limit: number, waitMs: number, signal?: AbortSignal): Promise<TakenTask[]> {
    const deadline = performance.now() + waitMs;
    const stopped = () => signal?.aborted === true;
    while (!stopped() && !this.#connection.isClosed()) {
      // First what is there, however much, then one, as soon as it comes: a request for many would wait for as many.
      const there = await this.#pull(limit, 0, signal);
      if (there.tasks.length > 0) return there.tasks;
      const left = deadline - performance.now();
      if (left <= 0 || stopped()) return [];
      const next = there.failed ? there : await this.#pull(1, Math.min(left, PULL_MS), signal);
      if (next.tasks.length > 0) return next.tasks;
      if (!next.failed) continue;
      await this.#renew();
      await wait(Math.min(PAUSE_MS, Math.max(0, deadline - performance.now())));
    }
    return [];
  }

  #pull(limit: number, waitMs: number, signal?: AbortSignal): Promise<{ tasks: TakenTask[]; failed: boolean }> {
    return new Pull(this.#connection, this.#stream.name, CONSUMER, { limit, waitMs, ...this.#pulling }).run(signal);
  }

  /** The stream may be gone, as when JetStream has lost its files. Does nothing where it cannot be asked. */
  #renew(): Promise<void> {
    this.#ensuring ??= this.#ensure().finally(() => {
      this.#ensuring = null;
    });
    return this.#ensuring;
  }

  async #ensure(): Promise<void> {
    if (this.#connection.isClosed()) return;
    try {
      if (await this.#stream.gone()) await wait(RENEW_PAUSE_MS);
      const { created, replicas } = await this.#stream.ensure();
      this.#replicas = replicas;
      if (created === this.#created) return;
      this.#created = created;
      this.onRenewed();
    } catch {
      // JetStream is away, or chooses a leader: whoever waits tries again.
    }
  }
}

function unavailable(reason: string): MillraceError {
  return new MillraceError(
    "SERVICE_UNAVAILABLE",
    `The work queue takes no task at present (${reason}). Try again shortly.`,
  );
}
