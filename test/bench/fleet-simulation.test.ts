import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { mostEventsPerSecond, simulateCommits } from "../../bench/fleet/commit-line.ts";
import { COSTS, type Costs, SOURCES } from "../../bench/fleet/costs.ts";
import { shapeOfDay, simulateDay } from "../../bench/fleet/day.ts";
import { logNormal, Weighted } from "../../bench/fleet/draw.ts";
import { planFleet } from "../../bench/fleet/fleet.ts";
import { Latencies, together } from "../../bench/fleet/latencies.ts";
import { LOAD } from "../../bench/fleet/load.ts";
import { simulateServing } from "../../bench/fleet/serving-node.ts";
import { ROOT } from "../docs/pages.ts";
import { Random } from "../support/random.ts";

/** That a figure is another, but for what chance makes of it. */
function close(actual: number, expected: number, part: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= expected * part, `${what}: ${actual}, expected about ${expected}`);
}

const SMALL = { ...LOAD, watchers: 20_000, executionsPerDay: 20_000 };

test("the same seed gives the same fleet, and another seed nearly the same", () => {
  const figures = (seed: number) => {
    const { day, serving, node, endToEnd } = planFleet(SMALL, COSTS, seed, 2);
    return [day.events, serving, node.deliveriesPerSecond, endToEnd.quantileMs(0.99)];
  };
  assert.deepEqual(figures(7), figures(7));
  assert.notDeepEqual(figures(7), figures(8));
  close(figures(8)[0] ?? 0, figures(7)[0] ?? 0, 0.1, "events");
});

test("a day has as many executions and events as it was given, and as many at once as come in the time that one takes", () => {
  const day = simulateDay(LOAD, new Random(1));
  close(day.executions, LOAD.executionsPerDay, 0.02, "executions");
  close(day.events, LOAD.executionsPerDay * LOAD.eventsPerExecution, 0.05, "events");
  // Little's law. Those that end within a minute of its look are not seen.
  const expected = (LOAD.executionsPerDay / 86_400) * LOAD.secondsPerExecution;
  close(day.meanRunning, expected, 0.1, "executions at once");
  close(day.busiest.running.length, expected * LOAD.peak, 0.2, "executions at once in the busiest minute");
});

test("the busiest time of a day is as many times its mean as was asked for, and the mean stays", () => {
  for (const peak of [1, 1.5, 2, 2.5, 5]) {
    const shape = shapeOfDay(peak);
    const seconds = Array.from({ length: 1_440 }, (_, minute) => minute * 60);
    close(seconds.reduce((sum, second) => sum + shape(second), 0) / seconds.length, 1, 0.001, "mean");
    close(Math.max(...seconds.map(shape)), peak, 0.001, "peak");
  }
});

test("what is drawn has the mean and the shares that it is to have", () => {
  const random = new Random(3);
  let sum = 0;
  for (let draw = 0; draw < 200_000; draw += 1) sum += logNormal(random, 600, 1);
  close(sum / 200_000, 600, 0.02, "mean");
  const weighted = new Weighted([1, 0, 3]);
  const counts = [0, 0, 0];
  for (let draw = 0; draw < 40_000; draw += 1) {
    const index = weighted.draw(random);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  assert.equal(counts[1], 0);
  close((counts[2] ?? 0) / (counts[0] ?? 1), 3, 0.05, "shares");
});

test("one node with little to do commits each event in two round trips and a flush", () => {
  const { latencies, eventsPerSecond } = simulateCommits(
    { nodes: 1, eventsPerSecond: 10, seconds: 1_000 },
    COSTS,
    new Random(1),
  );
  const alone = 2 * COSTS.roundTripMs + COSTS.holdMs + COSTS.holdPerEventUs / 1_000;
  close(latencies.quantileMs(0.5), alone, 0.06, "latency");
  close(eventsPerSecond, 10, 0.05, "events/s");
});

test("nodes that have more than fits commit what the row allows, and no more, however many they are", () => {
  const costs: Costs = { ...COSTS, holdPerEventUs: 100 };
  const limit = 1_000_000 / costs.holdPerEventUs;
  for (const nodes of [1, 4, 16]) {
    const { eventsPerSecond, lockBusy } = simulateCommits(
      { nodes, eventsPerSecond: 4 * limit, seconds: 5 },
      costs,
      new Random(1),
    );
    assert.ok(eventsPerSecond <= limit, `${eventsPerSecond} events/s`);
    assert.ok(lockBusy <= 1 + 1e-9);
  }
  assert.ok(mostEventsPerSecond(500, costs) < limit);
  assert.ok(mostEventsPerSecond(5, costs) < mostEventsPerSecond(500, costs));
});

test("a node that is busy for half of its time delivers with the wait that queueing theory has for it", () => {
  const watched = [{ rate: 1_000, watchers: 1 }];
  const costs: Costs = { ...COSTS, eventUs: 400, deliveryUs: 100 };
  const { latencies, busy, deliveriesPerSecond } = simulateServing(watched, 200, costs, new Random(5));
  close(busy, 0.5, 0.03, "busy");
  close(deliveriesPerSecond, 1_000, 0.03, "deliveries/s");
  // Pollaczek and Khinchine: ρ / (2 (1 − ρ)) of a service's time of 0.5 ms; half a delivery, in the mean, after 0.4 ms.
  close(latencies.meanMs, (0.5 * 0.5) / (2 * 0.5) + 0.4 + 0.05, 0.05, "latency");
});

test("quantiles are those of what was added, to a bucket of 5 %, and chains add up", () => {
  const latencies = new Latencies();
  for (let ms = 1; ms <= 1_000; ms += 1) latencies.add(ms);
  close(latencies.quantileMs(0.5), 500, 0.06, "p50");
  close(latencies.quantileMs(0.99), 990, 0.06, "p99");
  close(latencies.meanMs, 500.5, 1e-9, "mean");
  const constant = new Latencies();
  constant.add(10);
  close(together([constant, constant], 5, new Random(1)).quantileMs(0.5), 25, 0.11, "sum");
});

test("twice the watchers are twice the deliveries and about twice the nodes; the journal is the same", () => {
  const [one, two] = [1, 2].map((times) => planFleet({ ...LOAD, watchers: LOAD.watchers * times }, COSTS, 1, 2));
  assert.ok(one !== undefined && two !== undefined);
  close(two.node.deliveriesPerSecond * two.serving, 2 * one.node.deliveriesPerSecond * one.serving, 0.1, "deliveries");
  close(two.serving, 2 * one.serving, 0.05, "nodes");
  assert.equal(two.day.events, one.day.events);
  assert.ok(one.streamsPerNode <= COSTS.streamsPerNode);
  assert.ok(one.nodeAfterLoss.busy > one.node.busy * 0.95 && one.nodeAfterLoss.busy < 0.8);
});

test("every cost has a figure and says where it is from", () => {
  assert.deepEqual(SOURCES.map(({ cost }) => cost).toSorted(), Object.keys(COSTS).toSorted());
  for (const { from } of SOURCES) assert.notEqual(from, "");
});

test("docs/scale.md shows what the simulation prints", () => {
  const page = readFileSync(join(ROOT, "docs", "scale.md"), "utf8").split("\n");
  const command = join(ROOT, "bench", "fleet-simulation.ts");
  const output = execFileSync(process.execPath, [command], { encoding: "utf8" });
  for (const line of output.split("\n").filter((each) => each.startsWith("|"))) assert.ok(page.includes(line), line);
});

test("the command prints the day, the fleet, its parts and where the costs are from", () => {
  const command = join(ROOT, "bench", "fleet-simulation.ts");
  const output = execFileSync(process.execPath, [command, "--quick"], { encoding: "utf8" });
  for (const words of [
    "1,000,000 watchers",
    "events/s in the busiest minute",
    "first to give way",
    "p99",
    "deliveryUs",
  ]) {
    assert.ok(output.includes(words), words);
  }
});
