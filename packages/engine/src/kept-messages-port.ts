/**
 * Where a message stands whose payload is there: `completed` and kept, `failed` for good, or `pending`: it waits or is in
 * flight, or its execution ended before it was taken.
 */
export type KeptStatus = "completed" | "failed" | "pending";

/** A message that went into a route and whose payload is there. */
export interface KeptMessage {
  readonly seq: number;
  readonly id: string;
  readonly status: KeptStatus;
  readonly payloadBytes: number;
}

/** The messages of an execution whose payloads are there. */
export interface KeptMessages {
  /** Those of a route in any of the statuses, in the order in which they were put into its queue; at most `limit`. */
  after(
    executionId: string,
    route: string,
    statuses: readonly KeptStatus[],
    afterSeq: number,
    limit: number,
  ): Promise<KeptMessage[]>;
  /** How many there are of a route. */
  count(executionId: string, route: string): Promise<Readonly<Record<KeptStatus, number>>>;
}
