/**
 * What things cost: measured figures, each with where it comes from. One machine's: put your own in their place
 * before you believe a figure that is computed from them.
 */
export interface Costs {
  /** Processor time of a delivery to one watcher, in microseconds. */
  readonly deliveryUs: number;
  /** Processor time of a node for an event that another one made, besides its deliveries, in microseconds. */
  readonly eventUs: number;
  /** Bytes of an event on the wire. */
  readonly eventBytes: number;
  /** Bytes of memory of an open stream, the kernel's part included. */
  readonly streamBytes: number;
  /** Streams that a node opens a second while it serves others. */
  readonly acceptsPerSecond: number;
  /** Streams that a node has at most: its `max_subscribers`. */
  readonly streamsPerNode: number;
  /** Events a second that one node's engine makes and commits. */
  readonly engineEventsPerSecond: number;
  /** Milliseconds for a round trip to PostgreSQL. */
  readonly roundTripMs: number;
  /** Milliseconds that a group holds the row of the last position, besides its events and the round trip: with the flush. */
  readonly holdMs: number;
  /** Microseconds that each event of a group adds to that. */
  readonly holdPerEventUs: number;
  /** Milliseconds from a commit to a node that hears of it. */
  readonly hopMs: number;
  /** Megabytes a second that leave one NATS server. */
  readonly natsMegabytes: number;
  /** Megabytes a second of a node's network. */
  readonly networkMegabytes: number;
  /** Bytes that an event takes in PostgreSQL, with its share of rows and indexes. */
  readonly storedBytes: number;
}

/** A figure, and where it is from. */
export interface Source {
  readonly cost: keyof Costs;
  readonly value: number;
  readonly from: string;
}

/** The figures that the simulation goes by. */
export const SOURCES: readonly Source[] = [
  { cost: "deliveryUs", value: 8.8, from: "`bench/spread.ts`: 15,000 watchers of 100 executions, one event at a time" },
  { cost: "eventUs", value: 8, from: "`bench/hearing.ts`, with one watcher" },
  { cost: "eventBytes", value: 448, from: "`bench/fan-out.ts`" },
  { cost: "streamBytes", value: 14_336, from: "docs/performance.md: 9 KB in the process, 5 KB in the kernel" },
  { cost: "acceptsPerSecond", value: 2_000, from: "`bench/storm.ts`" },
  { cost: "streamsPerNode", value: 20_000, from: "`max_subscribers`" },
  {
    cost: "engineEventsPerSecond",
    value: 10_666,
    from: "`bench/hearing.ts`: the least of a node that shares two busy cores with PostgreSQL; adapters that do nothing",
  },
  { cost: "roundTripMs", value: 0.5, from: "assumed: two machines of one data centre" },
  { cost: "holdMs", value: 1.1, from: "`bench/shared-parts.ts`, `synchronous_commit` on: 910 commits/s of 5 events" },
  { cost: "holdPerEventUs", value: 5.3, from: "the same: 269 commits/s of 500 events" },
  { cost: "hopMs", value: 0.5, from: "assumed: two hops within one data centre" },
  { cost: "natsMegabytes", value: 440, from: "`bench/shared-parts.ts`: the least of notices of 2 KB, to 16 nodes" },
  { cost: "networkMegabytes", value: 1_250, from: "10 Gbit/s" },
  { cost: "storedBytes", value: 500, from: "`bench/recovery.ts`: 488 MB for a million events" },
];

/** As the model takes them. */
export const COSTS: Costs = costsOf(SOURCES);

function costsOf(sources: readonly Source[]): Costs {
  const value = (name: keyof Costs): number => {
    const found = sources.find(({ cost }) => cost === name);
    if (found === undefined) throw new Error(`There is no figure for ${name}.`);
    return found.value;
  };
  return {
    deliveryUs: value("deliveryUs"),
    eventUs: value("eventUs"),
    eventBytes: value("eventBytes"),
    streamBytes: value("streamBytes"),
    acceptsPerSecond: value("acceptsPerSecond"),
    streamsPerNode: value("streamsPerNode"),
    engineEventsPerSecond: value("engineEventsPerSecond"),
    roundTripMs: value("roundTripMs"),
    holdMs: value("holdMs"),
    holdPerEventUs: value("holdPerEventUs"),
    hopMs: value("hopMs"),
    natsMegabytes: value("natsMegabytes"),
    networkMegabytes: value("networkMegabytes"),
    storedBytes: value("storedBytes"),
  };
}
