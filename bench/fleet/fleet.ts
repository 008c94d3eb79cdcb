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
  /** Servers of NATS, among which the nodes are spread. */
  readonly natsServers: number;
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
  /** What makes it less. */
  readonly helps: string;
  /** Whether that is more of the same, which can always be had. */
  readonly scales: boolean;
}

/** Of its core a node may use so much in the busiest minute; the rest is for requests, and for another node's watchers. */
const CORE = 0.6;

/** Of its engine's time a node may use so much for bookkeeping: adapters need the rest. */
const ENGINE = 0.3;

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
  // Three go on without one of them.
  const fed = (busiest.events * costs.eventBytes * serving) / 1e6;
  const natsServers = Math.max(3, Math.ceil(fed / (costs.natsMegabytes * CORE)));
  const node = simulateServing(shareOf(demand, serving, random), seconds, costs, random);
  const nodeAfterLoss = simulateServing(shareOf(demand, Math.max(1, serving - 1), random), seconds, costs, random);
  const commits = simulateCommits({ nodes: working, eventsPerSecond: busiest.events, seconds }, costs, random);
  const streamsPerNode = Math.ceil(load.watchers / serving);
  return {
    day,
    serving,
    working,
    natsServers,
    streamsPerNode,
    node,
    nodeAfterLoss,
    commits,
    endToEnd: together([commits.latencies, node.latencies], costs.hopMs, random),
    reconnectSeconds: streamsPerNode / (costs.acceptsPerSecond * Math.max(1, serving - 1)),
    parts: partsOf(load, costs, { day, serving, natsServers, node, streamsPerNode }),
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

/** The fewest nodes that have room for the streams, and of whose cores no more than a part is used; one may go. */
function servingNodes(
  { watchers }: Load,
  demand: readonly Watched[],
  { streamsPerNode, deliveryUs, eventUs }: Costs,
): number {
  const deliveries = demand.reduce((sum, each) => sum + each.rate * each.watchers, 0);
  // Each node hears of every event, however many there are: what is left of its core is for deliveries.
  const hearing = demand.reduce((sum, { rate }) => sum + rate, 0) * eventUs * 1e-6;
  const cores = (deliveries * deliveryUs * 1e-6) / Math.max(LEAST_LEFT, CORE - hearing);
  return Math.max(2, Math.ceil(watchers / streamsPerNode) + 1, Math.ceil(cores) + 1);
}

/** Of a core for deliveries, where hearing of events takes more than is to be used: what gives way is said elsewhere. */
const LEAST_LEFT = 0.1;

/** What comes to one of so many nodes: a proxy spreads watchers without looking at what they watch. */
function shareOf(demand: readonly Watched[], nodes: number, random: Random): Watched[] {
  return demand.map(({ rate, watchers }) => {
    const mean = watchers / nodes;
    const whole = Math.floor(mean);
    return { rate, watchers: whole + (random.chance(mean - whole) ? 1 : 0) };
  });
}

function partsOf(
  load: Load,
  costs: Costs,
  fleet: Pick<Fleet, "day" | "serving" | "natsServers" | "node" | "streamsPerNode">,
): Part[] {
  const { day, serving, natsServers, node, streamsPerNode } = fleet;
  const feed = (day.busiest.events * costs.eventBytes) / 1e6;
  const out = (node.deliveriesPerSecond * costs.eventBytes) / 1e6;
  const ends = (day.mostEndings * load.watchers) / Math.max(1, day.meanRunning);
  const nodes = (name: string, used: number): Part => ({ name, used, helps: "more nodes", scales: true });
  const fixed = (name: string, used: number, helps: string): Part => ({ name, used, helps, scales: false });
  return [
    fixed(
      "the row of the last position",
      day.busiest.events / mostEventsPerSecond(LARGE_GROUP, costs),
      "a disk that flushes sooner; services of their own",
    ),
    fixed(
      "a serving node's core: hearing of every event",
      day.busiest.events * costs.eventUs * 1e-6,
      "nodes that serve a part of the executions",
    ),
    fixed(
      "a serving node's network: the feed in",
      feed / costs.networkMegabytes,
      "nodes that serve a part of the executions",
    ),
    nodes("a serving node's core, deliveries included", node.busy),
    nodes("a serving node's network: streams out", out / costs.networkMegabytes),
    {
      name: "a NATS server: the feed to its nodes",
      used: (feed * serving) / (costs.natsMegabytes * natsServers),
      helps: "more NATS servers",
      scales: true,
    },
    nodes("a serving node's streams", streamsPerNode / costs.streamsPerNode),
    nodes("streams that are opened as executions end", ends / (costs.acceptsPerSecond * serving)),
  ];
}
