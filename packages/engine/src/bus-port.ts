/** What nodes of one service say to each other. Nothing that is said here is the only record of anything. */
export interface Bus {
  /** Whether messages get through at present. */
  readonly connected: boolean;
  /** Told whenever {@link connected} changes. Must not throw. Returns the way to stop. */
  onStatus(listener: (connected: boolean) => void): () => void;
  /** Tells all subscribers, at most once each; lost where nobody can be reached. */
  publish(subject: string, data: Uint8Array): void;
  /** Told of every message on the subject, in the order in which one sender sent them. Must not throw. Returns the way to stop. */
  subscribe(subject: string, listener: (data: Uint8Array) => void): () => void;
  /**
   * Asks the one who answers for the subject.
   * @throws MillraceError what the other side threw, by its code; NODE_UNREACHABLE where nobody answers in time
   */
  request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /** Answers requests to the subject. Returns the way to stop. */
  answer(subject: string, handler: (data: Uint8Array) => Promise<Uint8Array>): () => void;
  /** Largest message that gets through, in bytes. */
  readonly maxBytes: number;
  close(): Promise<void>;
}

/** A task that was taken out of the queue and is not acknowledged. */
export interface TakenTask {
  readonly data: Uint8Array;
  /** How often it was given out, this time included: from 1. */
  readonly deliveries: number;
  /** It is still worked on: otherwise it is given to another after {@link TaskQueue.redeliverAfterMs}. */
  extend(): void;
  /** It is done, or nothing is left to do: it is never given out again. */
  done(): void;
  /** It is given to another, after `delayMs`. */
  giveBack(delayMs: number): void;
}

/** Work that any node may do: each task is given to one at a time, until one says that it is done. */
export interface TaskQueue {
  /** Milliseconds after which a task that is neither extended nor done is given to another. */
  readonly redeliverAfterMs: number;
  /** Resolves when the queue has it. @throws MillraceError SERVICE_UNAVAILABLE */
  put(data: Uint8Array): Promise<void>;
  /** How many tasks wait, and how many are being worked on. @throws what the queue's server says */
  depth(): Promise<{ readonly waiting: number; readonly taken: number }>;
  /** At most `limit` tasks, as soon as there is one; none after `waitMs`, or when `signal` is aborted. */
  take(limit: number, waitMs: number, signal?: AbortSignal): Promise<TakenTask[]>;
}
