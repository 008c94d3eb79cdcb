import type { StepFailure } from "../route/chain.ts";
import type { Flow, RemoteProgress } from "../route/flow.ts";
import type { RouteRunner } from "../route/route-runner.ts";

/** A worker's attempt, as the owner knows it. */
export interface Session {
  readonly id: string;
  /** The worker's node id. */
  readonly worker: string;
  /** The last that it has said, and its commit. */
  n: number;
  committed: Promise<void>;
  /** Parts whose last is still to come. */
  held: RemoteProgress[];
  /** Seconds in a row without a word. */
  silent: number;
}

/**
 * A message that waits for room, here or elsewhere.
 *
 * States: *waiting* → *here* (it has a slot of this node) or *remote* (a worker has begun it, in a session) → *settled*;
 * from *remote* back to *waiting* where its worker is not heard of any more.
 */
export interface Offer {
  /** What it is asked for by; null while it is not offered to others. */
  id: string | null;
  readonly flow: Flow;
  readonly route: RouteRunner;
  readonly here: () => void;
  readonly resolve: () => void;
  readonly reject: (error: StepFailure | Error) => void;
  /** Monotonic ms before which it is left to others. */
  notBefore: number;
  session: Session | null;
  /** Looks since it was last put into the queue, and after how many it is put there again: the queue may have lost it. */
  looks: number;
  againAfter: number;
  /** Times that the process died that worked on it, those from before included. */
  interruptions: number;
  settled: boolean;
}
