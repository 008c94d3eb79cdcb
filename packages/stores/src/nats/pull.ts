import type { TakenTask } from "@millrace/engine";
import { createInbox, type Msg, type NatsConnection, nanos, type Subscription } from "@nats-io/transport-node";

/** What is asked of a consumer. */
export interface PullRequest {
  /** Tasks at most. */
  readonly limit: number;
  /** Milliseconds that the server waits for the first; 0: it gives what is there. */
  readonly waitMs: number;
  /** Milliseconds beyond that the server may take to answer. */
  readonly answerMs: number;
  /** Tasks come to a subject that begins so. */
  readonly inboxPrefix: string;
  /** Milliseconds after which a task of which nothing was said is given to another. */
  readonly redeliverAfterMs: number;
}

/** For so much of the time until it is given to another a task is taken to be one's own. */
const MINE = 0.9;

/** Statuses that say that there is nothing: no messages; the request has waited long enough. */
const NOTHING = new Set([404, 408]);

/**
 * One request for tasks. It is over when it has as many as it asked for, when the server says that there are no more, or
 * when the server does not answer. What comes after that, or after an abort, is given back at once.
 */
export class Pull {
  readonly #connection: NatsConnection;
  readonly #subject: string;
  readonly #request: PullRequest;
  readonly #tasks: TakenTask[] = [];
  #subscription: Subscription | null = null;
  #timer: NodeJS.Timeout | undefined;
  #over = false;
  /** Whether the server gives nothing more for it. */
  #answered = false;
  #finish: (failed: boolean) => void = () => {};

  constructor(connection: NatsConnection, stream: string, consumer: string, request: PullRequest) {
    this.#connection = connection;
    this.#subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    this.#request = request;
  }

  /** `failed`: the server did not answer, or not as it should. */
  async run(signal?: AbortSignal): Promise<{ tasks: TakenTask[]; failed: boolean }> {
    const { waitMs, limit, answerMs, inboxPrefix } = this.#request;
    const finished = new Promise<boolean>((resolve) => {
      this.#finish = resolve;
    });
    const abort = () => this.#end(false);
    try {
      const inbox = createInbox(inboxPrefix);
      this.#subscription = this.#connection.subscribe(inbox, {
        callback: (error, message) => {
          if (error === null) this.#receive(message);
          else this.#end(true);
        },
      });
      const body = waitMs === 0 ? { batch: limit, no_wait: true } : { batch: limit, expires: nanos(Math.ceil(waitMs)) };
      this.#connection.publish(this.#subject, JSON.stringify(body), { reply: inbox });
      this.#timer = setTimeout(() => this.#end(true), waitMs + answerMs);
      signal?.addEventListener("abort", abort);
      const failed = await finished;
      return { tasks: this.#tasks, failed };
    } catch {
      // The connection was closed.
      this.#end(true);
      return { tasks: this.#tasks, failed: true };
    } finally {
      clearTimeout(this.#timer);
      signal?.removeEventListener("abort", abort);
      this.#leave();
    }
  }

  #receive(message: Msg): void {
    const status = message.headers?.code ?? 0;
    if (status >= 400 && message.data.length === 0) {
      this.#answered = true;
      this.#end(!NOTHING.has(status));
      return;
    }
    const task = toTask(message, this.#request.redeliverAfterMs);
    if (this.#over) {
      task.giveBack(0);
      return;
    }
    this.#tasks.push(task);
    if (this.#tasks.length < this.#request.limit) return;
    this.#answered = true;
    this.#end(false);
  }

  #end(failed: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#finish(failed);
  }

  /** The server may have something on its way for a request that it has not ended: it is listened for until then. */
  #leave(): void {
    const subscription = this.#subscription;
    const { waitMs, answerMs } = this.#request;
    if (subscription === null) return;
    if (this.#answered) subscription.unsubscribe();
    else setTimeout(() => subscription.unsubscribe(), waitMs + answerMs).unref();
  }
}

/**
 * What is said of a task counts, for JetStream, also when it was given to another since: whoever was held up for so long
 * says nothing more. @see https://docs.nats.io/reference/reference-protocols/nats_api_reference#acknowledging-messages
 */
function toTask(message: Msg, redeliverAfterMs: number): TakenTask {
  // A little less: the server has counted since it sent the message.
  const mineForMs = redeliverAfterMs * MINE;
  let mineUntil = performance.now() + mineForMs;
  const say = (word: string) => {
    const now = performance.now();
    if (now > mineUntil) return;
    mineUntil = now + mineForMs;
    try {
      message.respond(word);
    } catch {
      // The connection is closed, so that it cannot be said: the task is given out again.
    }
  };
  return {
    data: message.data,
    deliveries: deliveriesOf(message.reply ?? ""),
    extend: () => say("+WPI"),
    done: () => say("+ACK"),
    giveBack: (delayMs) => say(delayMs > 0 ? `-NAK ${JSON.stringify({ delay: nanos(Math.ceil(delayMs)) })}` : "-NAK"),
  };
}

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.…`, or with `<domain>.<account>` before the stream. */
function deliveriesOf(subject: string): number {
  const tokens = subject.split(".");
  return Number(tokens[tokens.length === 9 ? 4 : 6]);
}
