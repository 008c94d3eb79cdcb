/** A day of a fleet, computed from what its parts were measured to cost: what it needs, and what gives way first. */
import { parseArgs } from "node:util";
import { COSTS, SOURCES } from "./fleet/costs.ts";
import { type Fleet, planFleet } from "./fleet/fleet.ts";
import { LOAD, type Load } from "./fleet/load.ts";
import { printTable } from "./report.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    watchers: { type: "string", default: `${LOAD.watchers}` },
    executions: { type: "string", default: `${LOAD.executionsPerDay}` },
    events: { type: "string", default: `${LOAD.eventsPerExecution}` },
  },
});
const load: Load = {
  ...LOAD,
  watchers: Number(values.watchers),
  executionsPerDay: Number(values.executions),
  eventsPerExecution: Number(values.events),
};
const seed = Number(values.seed);
const seconds = values.quick ? 2 : 20;

console.log(
  `${whole(load.watchers)} watchers, ${whole(load.executionsPerDay)} executions a day of ${whole(load.eventsPerExecution)} events and ${load.secondsPerExecution / 60} minutes each, the busiest minute ${load.peak} times the mean. Seed ${seed}.\n`,
);
const fleet = planFleet(load, COSTS, seed, seconds);
printTable(["the day", ""], theDay(fleet));
console.log();
printTable(["the fleet", ""], theFleet(fleet));
console.log();
printTable(
  ["part, in the busiest minute", "used", "lasts for so many times the load", "what helps"],
  fleet.parts
    .toSorted((a, b) => b.used - a.used)
    .map(({ name, used, helps }) => [name, percent(used), (1 / used).toFixed(1), helps]),
);
console.log();
const factors = values.quick ? [1, 4] : [1, 2, 4, 8, 16, 32];
printTable(
  [
    "executions, and events",
    "serve",
    "work",
    "NATS",
    "commits/s",
    "ms to a watcher, p50",
    "p99",
    "first to give way of what does not grow",
  ],
  factors.map((factor) => {
    const grown = planFleet({ ...load, executionsPerDay: load.executionsPerDay * factor }, COSTS, seed, seconds);
    const [first] = grown.parts.filter(({ scales }) => !scales).toSorted((a, b) => b.used - a.used);
    return [
      `× ${factor}`,
      `${grown.serving}`,
      `${grown.working}`,
      `${grown.natsServers}`,
      whole(grown.commits.commitsPerSecond),
      ...latencyOf(grown),
      first === undefined ? "" : `${first.name}: ${percent(first.used)}`,
    ];
  }),
);
console.log();
printTable(
  ["cost", "value", "from"],
  SOURCES.map(({ cost, value, from }) => [cost, value, from]),
);

function theDay({ day }: Fleet): string[][] {
  return [
    ["executions", whole(day.executions)],
    ["events", whole(day.events)],
    ["executions that run at once, mean", whole(day.meanRunning)],
    ["the same in the busiest minute", whole(day.busiest.running.length)],
    ["events/s in the busiest minute", whole(day.busiest.events)],
    ["GB that the day's journal takes in PostgreSQL", ((day.events * COSTS.storedBytes) / 1e9).toFixed(0)],
  ];
}

function theFleet(fleet: Fleet): string[][] {
  const [p50 = "", p99 = ""] = latencyOf(fleet);
  return [
    ["nodes that serve, of a core each", `${fleet.serving}`],
    ["nodes that work, for the bookkeeping alone", `${fleet.working}`],
    ["servers of NATS", `${fleet.natsServers}`],
    ["streams a node", whole(fleet.streamsPerNode)],
    ["GB of memory a node, for its streams", ((fleet.streamsPerNode * COSTS.streamBytes) / 1e9).toFixed(1)],
    ["deliveries/s of all nodes", whole(fleet.node.deliveriesPerSecond * fleet.serving)],
    ["MB/s out of a node", ((fleet.node.deliveriesPerSecond * COSTS.eventBytes) / 1e6).toFixed(0)],
    ["of a node's core, busy", percent(fleet.node.busy)],
    ["the same after another node went", percent(fleet.nodeAfterLoss.busy)],
    ["seconds until a lost node's watchers have a stream again", fleet.reconnectSeconds.toFixed(1)],
    ["commits/s", whole(fleet.commits.commitsPerSecond)],
    [
      "ms from a step's end to its commit, p50 / p99",
      `${ms(fleet.commits.latencies.quantileMs(0.5))} / ${ms(fleet.commits.latencies.quantileMs(0.99))}`,
    ],
    ["ms from a step's end to a watcher, p50 / p99", `${p50} / ${p99}`],
  ];
}

function latencyOf({ node, parts, endToEnd }: Fleet): string[] {
  // What is full has no latency: it falls behind for as long as it is.
  if (node.busy > 0.99 || parts.some(({ used }) => used > 1)) return ["grows", "grows"];
  return [ms(endToEnd.quantileMs(0.5)), ms(endToEnd.quantileMs(0.99))];
}

function ms(value: number): string {
  return value < 10 ? value.toFixed(1) : whole(value);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function percent(part: number): string {
  return `${(part * 100).toFixed(part < 0.1 ? 1 : 0)}%`;
}
