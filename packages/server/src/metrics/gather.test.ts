import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { leftBehind, type MetricJson, merge, metricsOf, render } from "./gather.ts";
import { createMetrics, gauge } from "./metrics.ts";

const counts = (values: MetricJson["values"], type = "counter"): MetricJson => ({
  name: "things_total",
  help: "Things.",
  type,
  values,
});

test("what several processes count under the same labels is added up, in whatever order the labels are", () => {
  const merged = merge([
    [counts([{ labels: { a: "1", b: "2" }, value: 3 }])],
    [
      counts([
        { labels: { b: "2", a: "1" }, value: 4 },
        { labels: { a: "1", b: "3" }, value: 1 },
        { labels: { a: "nothing", b: "" }, value: null },
      ]),
    ],
  ]);
  assert.deepEqual(
    merged.map(({ values }) => values.map(({ value }) => value)),
    [[7, 1]],
  );
});

test("a process that is gone leaves its counts behind, and neither its state nor what is its own", () => {
  const left = leftBehind([
    counts([{ labels: {}, value: 1 }]),
    { ...counts([{ labels: {}, value: 1 }], "gauge"), name: "state" },
    { ...counts([{ labels: { process: "worker-1" }, value: 1 }]), name: "own_total" },
  ]);
  assert.deepEqual(
    left.map(({ name }) => name),
    ["things_total"],
  );
});

test("a reading that fails is left out, and the others are told", async () => {
  const metrics = createMetrics();
  gauge(metrics, "broken", "Cannot be read.", () => Promise.reject(new Error("away")));
  gauge(metrics, "broken_by_kind", "Cannot be read.", () => Promise.reject<number>(new Error("away")), ["kind"]);
  gauge(metrics, "whole", "Can be read.", () => 7);
  const text = await render(await metricsOf(metrics.registry), Registry.PROMETHEUS_CONTENT_TYPE);
  assert.match(text, /^whole 7$/m);
  assert.doesNotMatch(text, /^broken/m);
});

test("the time of steps is told as a histogram whose buckets hold what is at most their bound", async () => {
  const metrics = createMetrics();
  for (const seconds of [0.0001, 0.002, 0.02, 1_000]) metrics.stepSeconds.record("log", seconds);
  const text = await render(await metricsOf(metrics.registry), Registry.PROMETHEUS_CONTENT_TYPE);
  const value = (series: string) => Number(new RegExp(`^${series} (\\S+)$`, "m").exec(text)?.[1]);
  const name = "millrace_adapter_step_duration_seconds";
  assert.equal(value(`${name}_bucket{le="0.0001",adapter="log"}`), 1);
  assert.equal(value(`${name}_bucket{le="0.01",adapter="log"}`), 2);
  assert.equal(value(`${name}_bucket{le="300",adapter="log"}`), 3);
  assert.equal(value(`${name}_bucket{le="\\+Inf",adapter="log"}`), 4);
  assert.equal(value(`${name}_count{adapter="log"}`), 4);
  assert.ok(Math.abs(value(`${name}_sum{adapter="log"}`) - 1_000.0221) < 1e-6);
});
