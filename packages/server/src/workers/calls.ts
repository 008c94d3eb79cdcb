import type { Position } from "@millrace/engine";
import type { ErrorCode } from "@millrace/protocol";
import type { Audited } from "../access/audit-trail.ts";
import type { Credentials } from "../access/credentials.ts";
import type { Principal } from "../access/principal.ts";
import type { LimitCalls } from "../limits/worker-limits.ts";
import type { MetricJson } from "../metrics/gather.ts";
import type { Settings } from "../settings.ts";
import type { ProgressSnapshot } from "../stream/progress-feed.ts";

/**
 * What a worker asks of the main process. A method that is added here has its handler where the main process starts the
 * worker (`workers.ts`).
 */
export interface MainCalls extends LimitCalls {
  /**
   * From the answer on, the worker is sent what is committed to the execution, as `topic`. The answer is the position
   * after which that is: what is before can be read.
   */
  watch: { params: { topic: number; executionId: string }; result: Position };
  /** The topic's last watcher has gone. */
  unwatch: { params: { topic: number }; result: null };
  /** The state of an execution; null where there is no such execution. */
  progress: { params: { executionId: string }; result: ProgressSnapshot | null };
  /** The worker could not read this of the journal, as the file is damaged: the main process has to know. */
  damage: { params: { executionIds: readonly string[]; after: Position; maxBytes: number }; result: null };
  /** Whose these credentials are, of a request for a stream; or why they are no good. */
  authenticate: { params: Credentials; result: Principal | { readonly refused: { code: ErrorCode; message: string } } };
  /** A request for a stream was refused by access control. */
  auditRefused: { params: Audited; result: null };
  /** The worker has no room for `wanted` streams more; the answer is how many it may open beyond what it may already. */
  moreStreams: { params: { wanted: number }; result: number };
}

/** What the main process asks of a worker. */
export interface WorkerCalls {
  /** First of all; answered when the worker could listen. */
  start: {
    params: {
      settings: Settings;
      /** The socket on which the main process answers what the worker does not. */
      apiSocket: string;
      /** Whether requests need a credential. */
      accessControl: boolean;
      /** Streams that it may open without asking. */
      streams: number;
      /** The last position that is committed. */
      head: Position;
      /** @see fault */
      fault: string | null;
      /** Which of the processes it is, from 1. */
      number: number;
    };
    result: null;
  };
  /** Shares `port` with the other workers; 0 picks a free one. The answer is the port. */
  listen: { params: { port: number }; result: number };
  /** Why nothing can be committed at present; null: it can be. */
  fault: { params: { message: string | null }; result: null };
  /** The answer is how many streams fewer the worker may open from now on: all that it has room for. */
  giveBackStreams: { params: null; result: number };
  /** What the worker counts. Not asked where the settings say that nothing is. */
  metrics: { params: null; result: MetricJson[] };
  /** How many streams are open. */
  countStreams: { params: null; result: number };
  /** Ends the streams that somebody has opened, whose credential is no longer good. */
  endStreamsOf: { params: { openedBy: string }; result: null };
  /** Ends all streams with reason `shutdown`, and takes no more; answered when that is written. */
  endStreams: { params: null; result: null };
  /** Closes the port and all connections; the process ends after the answer. */
  stop: { params: null; result: null };
}

/** The calls of one direction. */
export type Calls<C> = { [M in keyof C]: { params: unknown; result: unknown } };

/** What answers the calls of one direction. */
export type Handlers<C extends Calls<C>> = {
  [M in keyof C]: (params: C[M]["params"]) => C[M]["result"] | Promise<C[M]["result"]>;
};
