import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../docs/pages.ts";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { notOfNodes, withoutSharedStack } from "../support/shared-stack.ts";
import { workerPids } from "../support/worker-pids.ts";
import { scrape } from "./scrape.ts";

/** Twenty messages that each fail once. */
const FLAKY = `
version: "1.0"
name: counted
routes:
  make:
    adapters: [{ type: generate, config: { count: 20 } }]
    outbound: [work]
  work:
    inbound: { concurrency: 4 }
    error_handling: { max_retries: 2, retry_delay_seconds: 0.01 }
    adapters:
      - { type: filter, config: { when: "true" } }
      - { type: fail, config: { attempts: 1, code: FLAKY } }
init_message: { route: make }
`;

const alone = notOfNodes("it asks the one node that there is");

/** The table of the guide: what each metric is, by its name. */
function documented(): Map<string, { type: string; labels: string[]; help: string }> {
  const page = readFileSync(join(ROOT, "docs", "guides", "monitoring.md"), "utf8");
  const rows = page.matchAll(/^\| `(millrace_\w+)` \| (\w+) \|([^|]*)\| (.*) \| (?:node|process|service) \|$/gm);
  return new Map(
    [...rows].map(([, name = "", type = "", labels = "", help = ""]) => [
      name,
      { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label), help },
    ]),
  );
}

test("what a run does is counted: messages, attempts, steps, commits, and what its stream was sent", {
  skip: alone,
}, async () => {
  await using service = await ServiceProcess.start();
  const id = await service.run(FLAKY);
  const { frames } = await readStream(`${service.url}/api/v1/executions/${id}/events`);
  const events = frames.filter(({ event }) => event !== "end").length;
  const { sum } = await scrape(service.url);
  assert.equal(sum("millrace_messages_completed_total"), 21);
  assert.equal(sum("millrace_messages_retried_total", { adapter: "fail", code: "FLAKY" }), 20);
  assert.equal(sum("millrace_messages_failed_total"), 0);
  for (const [adapter, steps] of [
    ["generate", 1],
    ["filter", 40],
    ["fail", 40],
  ] as const) {
    assert.equal(sum("millrace_adapter_step_duration_seconds_count", { adapter }), steps, adapter);
  }
  assert.equal(sum("millrace_executions_started_total"), 1);
  assert.equal(sum("millrace_executions_ended_total", { status: "completed" }), 1);
  assert.equal(sum("millrace_executions_running"), 0);
  assert.equal(sum("millrace_messages_unsettled"), 0);
  assert.equal(sum("millrace_journal_commit_events_sum"), events);
  assert.ok(sum("millrace_journal_commit_duration_seconds_count") >= 3);
  assert.equal(sum("millrace_stream_sent_events_total"), events);
  assert.ok(sum("millrace_stream_sent_bytes_total") > events * 100);
  assert.equal(sum("millrace_streams_opened_total", { kind: "events" }), 1);
});

test("messages that fail for good are counted with their adapter and error, and so is the execution", {
  skip: alone,
}, async () => {
  await using service = await ServiceProcess.start();
  const id = await service.run(FLAKY.replace("max_retries: 2", "max_retries: 0, on_error: continue"));
  await service.client.executions.wait(id);
  const { sum } = await scrape(service.url);
  assert.equal(sum("millrace_messages_failed_total", { adapter: "fail", code: "FLAKY" }), 20);
  assert.equal(sum("millrace_messages_retried_total"), 0);
});

test("requests are counted by the template of their path, and nothing that a client says becomes a label", {
  skip: alone,
}, async () => {
  await using service = await ServiceProcess.start();
  const before = await scrape(service.url);
  for (const path of ["api/v1/executions/canary-1", "canary-2/a", "api/v1/executions/canary-3/events"]) {
    await (await fetch(`${service.url}/${path}?canary-4`)).text();
  }
  const refused = { method: "POST", headers: { "content-type": "application/json" }, body: '{"canary-5": 1}' };
  await (await fetch(`${service.url}/api/v1/configs`, refused)).text();
  const after = await scrape(service.url);
  const grown = (labels: Record<string, string>) =>
    after.sum("millrace_http_requests_total", labels) - before.sum("millrace_http_requests_total", labels);
  assert.equal(grown({ method: "GET", route: "/api/v1/executions/{execution_id}", status: "4xx" }), 1);
  assert.equal(grown({ method: "GET", route: "/api/v1/executions/{execution_id}/events", status: "4xx" }), 1);
  assert.equal(grown({ method: "GET", route: "none", status: "4xx" }), 1);
  assert.equal(grown({ method: "POST", route: "/api/v1/configs", status: "4xx" }), 1);
  assert.equal(after.sum("millrace_http_errors_total", { code: "EXECUTION_NOT_FOUND" }), 2);
  assert.equal(after.sum("millrace_http_errors_total", { code: "ROUTE_NOT_FOUND" }), 1);
  assert.equal(after.sum("millrace_http_errors_total", { code: "VALIDATION" }), 1);
  assert.doesNotMatch(JSON.stringify(after.samples), /canary/);
});

test("a client that does not read its stream is seen in the lag of the slowest", { skip: alone }, async () => {
  await using service = await ServiceProcess.start();
  const many = FLAKY.replace("count: 20", "count: 20000").replace("attempts: 1", "when: false");
  const id = await service.run(many);
  const stop = new AbortController();
  const stuck = await fetch(`${service.url}/api/v1/executions/${id}/events`, { signal: stop.signal });
  assert.equal(stuck.status, 200);
  await service.client.executions.wait(id);
  await eventually(async () => {
    const { sum } = await scrape(service.url);
    assert.equal(sum("millrace_streams", { kind: "events" }), 1);
    assert.equal(sum("millrace_streams_behind"), 1);
    assert.equal(sum("millrace_streams_blocked"), 1);
    assert.ok(sum("millrace_stream_lag_positions") > 1_000);
    assert.ok(sum("millrace_stream_lag_seconds") > 0);
  });
  stop.abort();
  await eventually(async () => {
    const { sum } = await scrape(service.url);
    assert.deepEqual([sum("millrace_streams"), sum("millrace_stream_lag_positions")], [0, 0]);
  });
});

test("with workers any scrape tells of the whole service, and a worker that dies takes no count with it", {
  skip: alone,
}, async () => {
  await using service = await ServiceProcess.start(["--workers", "2"]);
  const id = await service.run(FLAKY);
  await service.client.executions.wait(id);
  const streams = 8;
  let events = 0;
  for (let index = 0; index < streams; index += 1) {
    const { frames } = await readStream(`${service.url}/api/v1/executions/${id}/events`);
    events += frames.length - 1;
  }
  const told = async () => {
    const { sum, samples } = await scrape(service.url);
    const route = "/api/v1/executions/{execution_id}/events";
    return {
      opened: sum("millrace_streams_opened_total", { kind: "events" }),
      answered: sum("millrace_http_requests_total", { route, status: "2xx" }),
      events: sum("millrace_stream_sent_events_total"),
      completed: sum("millrace_messages_completed_total"),
      processes: new Set(samples.flatMap(({ labels }) => labels.process ?? [])),
    };
  };
  const all = new Set(["main", "worker-1", "worker-2"]);
  const expected = { opened: streams, answered: streams, events, completed: 21, processes: all };
  // Each of these connections may come to either worker.
  for (let index = 0; index < 6; index += 1) assert.deepEqual(await told(), expected);
  const [victim = 0] = workerPids(service.pid);
  process.kill(victim, "SIGKILL");
  await eventually(async () => assert.deepEqual(await told(), expected));
});

test("without metrics there is no such path", { skip: alone }, async () => {
  await using service = await ServiceProcess.start(["--metrics", "false"]);
  assert.equal((await fetch(`${service.url}/metrics`)).status, 404);
});

test("OpenMetrics is spoken to whoever asks for it first", { skip: alone }, async () => {
  await using service = await ServiceProcess.start();
  const ask = async (accept: string) => {
    const response = await fetch(`${service.url}/metrics`, { headers: { accept } });
    return { type: response.headers.get("content-type"), text: await response.text() };
  };
  const open = await ask("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1");
  assert.equal(open.type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  assert.match(open.text, /^# TYPE millrace_executions_started counter$/m);
  assert.match(open.text, /^millrace_executions_started_total 0$/m);
  assert.ok(open.text.endsWith("\n# EOF\n"));
  const text = await ask("*/*");
  assert.equal(text.type, "text/plain; version=0.0.4; charset=utf-8");
  assert.match(text.text, /^# TYPE millrace_executions_started_total counter$/m);
});

test("every node tells of itself, also one that only works, and the guide names all that they tell", {
  skip: alone || (await withoutSharedStack()),
}, async () => {
  await using fleet = await Fleet.start(["serve", "work"]);
  const [serving, working] = fleet.nodes.map(({ url }) => url);
  const id = await fleet.run(FLAKY);
  await fleet.client.executions.wait(id);
  const [served, worked] = [await scrape(serving ?? ""), await scrape(working ?? "")];
  assert.equal(served.sum("millrace_executions_started_total"), 1);
  assert.equal(worked.sum("millrace_executions_ended_total", { status: "completed" }), 1);
  assert.equal(worked.sum("millrace_messages_completed_total"), 21);
  for (const { sum } of [served, worked]) {
    assert.equal(sum("millrace_nats_connected"), 1);
    assert.equal(sum("millrace_nodes_alive"), 2);
    assert.equal(sum("millrace_executions_orphaned"), 0);
    assert.equal(sum("millrace_executions_unfinished"), 0);
    assert.ok(sum("millrace_lease_age_seconds") <= sum("millrace_lease_limit_seconds"));
    assert.equal(sum("millrace_work_queue_tasks", { state: "waiting" }), 0);
  }
  const table = documented();
  const told = new Map([...served.metrics, ...worked.metrics].filter(([name]) => name.startsWith("millrace_")));
  assert.deepEqual([...told.keys()].toSorted(), [...table.keys()].toSorted());
  for (const [name, { type, help }] of told) {
    assert.deepEqual({ type: table.get(name)?.type, help: table.get(name)?.help }, { type, help }, name);
  }
  for (const { name, labels } of [...served.samples, ...worked.samples]) {
    const metric = table.get(name) ?? table.get(name.replace(/_(?:bucket|sum|count)$/, ""));
    if (metric === undefined) continue;
    const own = Object.keys(labels).filter((label) => label !== "le");
    assert.deepEqual(own.toSorted(), metric.labels.toSorted(), name);
  }
});
