import { Random } from "../../test/support/random.ts";
import { type CommitLine, mostEventsPerSecond, simulateCommits } from "./commit-line.ts";
import type { Costs } from "./costs.ts";
import { type Day, type Moment, simulateDay } from "./day.ts";
import { type Latencies, together } from "./latencies.ts";
import type { Load } from "./load.ts";
import { type ServingNode, simulateServing, type Watched } from "./serving-node.ts";

/** A fleet for a load, and how it does in the day's busiest minute. */
export interface Fleet {
  readonly day: Day;
  readonly serving: number;
  readonly working: number;
  readonly streamsPerNode: number;
  readonly node: ServingNode;
  /** The same node, while another one's watchers have come to those that are left. */
  readonly nodeAfterLoss: ServingNode;
  readonly commits: CommitLine;
  /** From a step's end to a watcher. */
  readonly endToEnd: Latencies;
  /** Seconds until all watchers of a node that went have a stream again. */
  readonly reconnectSeconds: number;
  readonly parts: readonly Part[];
}

/** A part that can be the first to give way. */
export interface Part {
  readonly name: string;
  /** Of what it can do, in the busiest minute; above 1 it cannot. */
  readonly used: number;
  /** Whether more nodes make it less. */
  readonly scales: boolean;
}

/** Of its core a node may use so much in the busiest minute; the rest is for requests, and for another node's watchers. */
const CORE = 0.6;

/** Of its engine a node may use so much: adapters need the rest. */
const ENGINE = 0.1;

/** Events of a group when there are more than can be committed at once: groups grow until they are as large as this. */
const LARGE_GROUP = 500;

/** Finds the nodes that a load needs, and looks at them for some seconds of the busiest minute. */
export function planFleet(load: Load, costs: Costs, seed: number, seconds: number): Fleet {
  const random = new Random(seed);
  const day = simulateDay(load, random);
  const { busiest } = day;
  const watchers = watchersOf(busiest, load, random);
  const demand = busiest.running.map(({ rate }, index) => ({ rate, watchers: watchers[index] ?? 0 }));
  const serving = servingNodes(load, demand, costs);
  // One to spare: a node may go in the busiest minute.
  const working = Math.max(2, Math.ceil(busiest.events / (costs.engineEventsPerSecond * ENGINE)) + 1);
  const node = simulateServing(shareOf(demand, serving, random), seconds, costs, random);
  const nodeAfterLoss = simulateServing(shareOf(demand, Math.max(1, serving - 1), random), seconds, costs, random);
  const commits = simulateCommits({ nodes: working, eventsPerSecond: busiest.events, seconds }, costs, random);
  const streamsPerNode = Math.ceil(load.watchers / serving);
  return {
    day,
    serving,
    working,
    streamsPerNode,
    node,
    nodeAfterLoss,
    commits,
    endToEnd: together([commits.latencies, node.latencies], costs.hopMs, random),
    reconnectSeconds: streamsPerNode / (costs.acceptsPerSecond * Math.max(1, serving - 1)),
    parts: partsOf(load, costs, { day, serving, node, streamsPerNode }),
  };
}

/** How many watch each of the executions that run: by rank, which has nothing to do with how much happens in them. */
function watchersOf({ running }: Moment, { watchers, skew }: Load, random: Random): number[] {
  const ranks = running.map((_, index) => index + 1);
  for (let index = ranks.length - 1; index > 0; index -= 1) {
    const other = random.between(0, index);
    [ranks[index], ranks[other]] = [ranks[other] ?? 0, ranks[index] ?? 0];
  }
  const weights = ranks.map((rank) => rank ** -skew);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => (watchers * weight) / total);
}

/** The fewest nodes that have room for the streams, and of whose cores no more than a part is used. */
function servingNodes({ watchers }: Load, demand: readonly Watched[], costs: Costs): number {
  let nodes = Math.max(2, Math.ceil(watchers / costs.streamsPerNode) + 1);
  while (expectedBusy(demand, nodes, costs) > CORE && nodes < 100_000) nodes = Math.ceil(nodes * 1.05);
  return nodes;
}

/** The part of its core that each of so many nodes uses. */
export function expectedBusy(demand: readonly Watched[], nodes: number, { deliveryUs, eventUs }: Costs): number {
  return demand.reduce((sum, { rate, watchers }) => {
    // A node that has no watcher of it drops the event unread.
    const watched = 1 - Math.exp(-watchers / nodes);
    return sum + rate * (watched * eventUs + (watchers / nodes) * deliveryUs) * 1e-6;
  }, 0);
}

/** What comes to one of so many nodes: a proxy spreads watchers without looking at what they watch. */
function shareOf(demand: readonly Watched[], nodes: number, random: Random): Watched[] {
  return demand.map(({ rate, watchers }) => {
    const mean = watchers / nodes;
    const whole = Math.floor(mean);
    return { rate, watchers: whole + (random.chance(mean - whole) ? 1 : 0) };
  });
}

function partsOf(load: Load, costs: Costs, fleet: Pick<Fleet, "day" | "serving" | "node" | "streamsPerNode">): Part[] {
  const { day, serving, node, streamsPerNode } = fleet;
  const feed = (day.busiest.events * costs.eventBytes) / 1e6;
  const out = (node.deliveriesPerSecond * costs.eventBytes) / 1e6;
  return [
    {
      name: "the row of the last position",
      used: day.busiest.events / mostEventsPerSecond(LARGE_GROUP, costs),
      scales: false,
    },
    {
      name: "a serving node's core: hearing of every event",
      used: day.busiest.events * costs.eventUs * 1e-6,
      scales: false,
    },
    { name: "a serving node's core, deliveries included", used: node.busy, scales: true },
    { name: "a serving node's network: feed in", used: feed / costs.networkMegabytes, scales: false },
    { name: "a serving node's network: streams out", used: out / costs.networkMegabytes, scales: true },
    { name: "one NATS server: the feed to all nodes", used: (feed * serving) / costs.natsMegabytes, scales: false },
    { name: "streams of a node", used: streamsPerNode / costs.streamsPerNode, scales: true },
    {
      name: "streams that are opened as executions end",
      used: (day.mostEndings * (load.watchers / Math.max(1, day.meanRunning))) / (costs.acceptsPerSecond * serving),
      scales: true,
    },
  ];
}
