import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  errorResponseSchema,
  httpValidationErrorSchema,
  lineageListSchema,
  lineageNodesSchema,
  lineageStatsSchema,
  lineageStorySchema,
} from "@millrace/protocol";
import type { z } from "zod";
import { ServiceProcess } from "../support/service-process.ts";
import { notOfNodes } from "../support/shared-stack.ts";

const FAN_OUT = `version: "1.0"
name: fan-out
routes:
  make:
    adapters: [{ type: generate, name: numbers, config: { count: 5 } }]
    outbound: [use]
  use:
    adapters: [{ type: log }, { type: fail, config: { when: "index = 2", attempts: 1 } }, { type: fail, name: hopeless, config: { when: "index = 3", retryable: false } }]
    error_handling: { on_error: continue, max_retries: 2, retry_delay_seconds: 0.01 }
    outbound: [keep]
  keep: { adapters: [{ type: log }] }
init_message: { route: make }
`;
const BATCH = `version: "1.0"
name: batches
routes:
  make: { adapters: [{ type: generate, config: { count: 7 } }], outbound: [gather] }
  gather: { adapters: [{ type: batch, config: { size: 3, seconds: 30 } }], outbound: [keep] }
  keep: { adapters: [{ type: log }] }
init_message: { route: make }
`;
const SLOW = `version: "1.0"
name: slow
routes:
  make: { adapters: [{ type: generate, config: { count: 2 } }], outbound: [wait] }
  wait: { inbound: { concurrency: 1 }, adapters: [{ type: delay, config: { seconds: 300 } }] }
init_message: { route: make }
`;
const NOBODY = "00000000-0000-7000-8000-000000000000";

let service: ServiceProcess;

before(async () => {
  service = await ServiceProcess.start();
});
after(() => service[Symbol.asyncDispose]());

async function get(path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${service.url}/api/v1/lineage${path}`);
  return { status: response.status, body: await response.json() };
}

async function read<T>(schema: z.ZodType<T>, path: string): Promise<T> {
  const { status, body } = await get(path);
  assert.equal(status, 200, JSON.stringify(body));
  return schema.parse(body);
}

/** Runs a pipeline to its end. */
async function complete(yaml: string, query = ""): Promise<{ id: string; root: string }> {
  const id = await service.run(yaml, {}, query);
  await service.client.executions.wait(id);
  return { id, root: (await service.client.executions.get(id)).root_correlation_id };
}

test("a message's story has every adapter's run in every attempt, with timings and errors", async () => {
  const { id } = await complete(FAN_OUT, "?tag=fan-out");
  const retried = await read(lineageListSchema, `?execution_id=${id}&status=failed&adapter_name=fail`);
  assert.equal(retried.total, 1);
  const [entry] = retried.entries;
  assert.ok(entry);
  assert.deepEqual([entry.metadata.will_retry, entry.error_info?.code], [true, "TEST_FAILURE"]);
  const story = await read(lineageStorySchema, `/${entry.correlation_id}`);
  assert.deepEqual(
    story.stages.map((stage) => [stage.stage_name, stage.metadata.attempt, stage.stage_status]),
    [
      ["use/log", 1, "completed"],
      ["use/fail", 1, "failed"],
      ["use/log", 2, "completed"],
      ["use/fail", 2, "completed"],
      ["use/hopeless", 2, "completed"],
    ],
  );
  assert.deepEqual(
    [story.status, story.attempts, story.error_info, story.emitted],
    ["completed", 2, null, { keep: 1 }],
  );
  assert.deepEqual([story.parents, story.children, story.depth, story.is_root], [1, 1, 1, false]);
  for (const stage of story.stages) assert.ok(stage.duration_ms !== null && stage.started_at !== null);
  assert.ok((story.duration_ms ?? -1) >= 0);
});

test("a list is narrowed by every filter, sorted, and cut into pages", async () => {
  const { id } = await complete(FAN_OUT, "?tag=narrowed");
  const list = (query: string) => read(lineageListSchema, `?execution_id=narrowed&${query}`);
  const all = await list("");
  // One run of the generator, three on each of five messages and two more in a second attempt, one on each of four.
  assert.equal(all.total, 1 + 5 * 3 + 2 + 4);
  assert.ok(all.entries.every((entry) => entry.execution_id === id));
  assert.deepEqual(
    all.entries.map((entry) => entry.started_at),
    all.entries.map((entry) => entry.started_at).sort(),
  );
  assert.deepEqual(
    (await list("is_root=true")).entries.map((entry) => entry.stage_name),
    ["make/numbers"],
  );
  assert.equal((await list("is_root=false")).total, all.total - 1);
  assert.ok((await list("route_id=keep")).entries.every((entry) => entry.route_id === "keep"));
  const names = (await list("sort_by=stage_name&sort_order=desc")).entries.map((entry) => entry.stage_name);
  assert.deepEqual(names, [...names].sort().reverse());
  const page = await list("limit=4&offset=2");
  assert.deepEqual(page.entries, all.entries.slice(2, 6));
  assert.deepEqual([page.has_more, page.limit, page.offset], [true, 4, 2]);
  const [first] = all.entries;
  assert.equal((await list(`started_before=${first?.started_at}`)).total, 0);
  assert.equal((await list(`started_after=${first?.started_at}`)).total, all.total);
  const failures = await read(lineageListSchema, "/failures?execution_id=narrowed");
  assert.deepEqual(
    failures.entries.map((entry) => [entry.stage_name, entry.metadata.will_retry]),
    [["use/hopeless", false]],
    "one that was retried has not failed for good",
  );
  const everywhere = await read(lineageListSchema, "?adapter_name=numbers&limit=1000");
  assert.ok(everywhere.entries.some((entry) => entry.execution_id === id));
});

test("what came of a batch has all that were gathered into it as parents, forward and back", async () => {
  const { root } = await complete(BATCH);
  const children = await read(lineageNodesSchema, `/${root}/children`);
  assert.equal(children.total, 7 + 3);
  const kept = children.messages.filter((each) => each.route_id === "keep");
  assert.deepEqual(kept.map((each) => each.parents).sort(), [1, 3, 3]);
  const gathered = new Set<string>();
  for (const { correlation_id: id, parents } of kept) {
    const direct = await read(lineageNodesSchema, `/${id}/chain?direct=true`);
    assert.equal(direct.total, parents);
    for (const parent of direct.messages) {
      gathered.add(parent.correlation_id);
      const forward = await read(lineageNodesSchema, `/${parent.correlation_id}/children`);
      assert.deepEqual(
        forward.messages.map((each) => each.correlation_id),
        [id],
      );
    }
    const chain = await read(lineageNodesSchema, `/${id}/chain`);
    assert.equal(chain.total, parents + 1);
    assert.equal(chain.messages.at(-1)?.correlation_id, root);
  }
  assert.equal(gathered.size, 7, "every message went into one batch");
});

test("the lineage of a run that goes on is as far as its journal, and goes on with it", async () => {
  const id = await service.run(SLOW, {}, "?tag=going-on");
  const working = async () =>
    (await read(lineageListSchema, "?execution_id=going-on&status=processing&route_id=wait")).entries[0];
  let entry = await working();
  while (entry === undefined) entry = await working();
  const story = await read(lineageStorySchema, `/${entry.correlation_id}`);
  assert.deepEqual([story.status, story.completed_at, story.emitted], ["processing", null, null]);
  await service.client.executions.cancel(id);
  const after = await read(lineageStorySchema, `/${story.correlation_id}`);
  assert.deepEqual([after.status, after.stages[0]?.stage_status], ["cancelled", "cancelled"]);
  assert.equal(after.error_info?.code, "CANCELLED");
  assert.equal((await read(lineageListSchema, "/failures?execution_id=going-on")).total, 0);
});

test("statistics count messages by status and runs by adapter", async () => {
  await complete(FAN_OUT, "?tag=counted");
  const stats = await read(lineageStatsSchema, "/stats?execution_id=counted");
  assert.deepEqual(stats.messages_by_status, { completed: 9, failed: 1 });
  assert.deepEqual([stats.total_messages, stats.root_messages, stats.max_depth], [10, 1, 2]);
  const fail = stats.stages.find((stage) => stage.stage_name === "use/fail");
  assert.deepEqual([fail?.runs, fail?.failures], [6, 1]);
  const narrowed = await read(lineageStatsSchema, "/stats?execution_id=counted&route_id=keep&adapter_name=log");
  assert.deepEqual([narrowed.total_messages, narrowed.stages.length], [4, 1]);
});

test("an unknown message or execution is a 404, and a filter that does not fit a 422 with all that is wrong", async () => {
  const { id, root } = await complete(BATCH);
  const other = await complete(BATCH);
  for (const [path, code] of [
    [`/${NOBODY}`, "MESSAGE_NOT_FOUND"],
    ["/x", "MESSAGE_NOT_FOUND"],
    [`/${NOBODY}/chain`, "MESSAGE_NOT_FOUND"],
    [`/${"%25_".repeat(30)}/children`, "MESSAGE_NOT_FOUND"],
    [`/${root}?execution_id=${other.id}`, "MESSAGE_NOT_FOUND"],
    [`/${root}?execution_id=${NOBODY}`, "EXECUTION_NOT_FOUND"],
    [`?execution_id=${NOBODY}`, "EXECUTION_NOT_FOUND"],
    ["/stats?execution_id=no-such-tag", "EXECUTION_NOT_FOUND"],
  ] as const) {
    const { status, body } = await get(path);
    assert.equal(status, 404, path);
    assert.equal(errorResponseSchema.parse(body).error_code, code, path);
  }
  const { status, body } = await get(
    "?status=done&sort_by=size&sort_order=up&is_root=maybe&started_after=soon&limit=0",
  );
  assert.equal(status, 422);
  assert.deepEqual(
    httpValidationErrorSchema
      .parse(body)
      .detail.map((error) => [error.type, ...error.loc])
      .sort(),
    [
      ["bool_parsing", "query", "is_root"],
      ["datetime_from_date_parsing", "query", "started_after"],
      ["enum", "query", "sort_by"],
      ["enum", "query", "sort_order"],
      ["enum", "query", "status"],
      ["greater_than_equal", "query", "limit"],
    ],
  );
  assert.equal((await get(`/${root}/children?direct=perhaps`)).status, 422);
  await service.client.executions.delete(id);
  assert.equal((await get(`/${root}`)).status, 404, "it went with its execution");
});

test("lineage outlives a restart of the service", async () => {
  const { root } = await complete(BATCH);
  const before = await read(lineageNodesSchema, `/${root}/children`);
  assert.equal(await service.end("SIGTERM"), 0);
  await service.start();
  assert.deepEqual(await read(lineageNodesSchema, `/${root}/children`), before);
});

test("where the lineage's file cannot be written, lineage is a 503, and runs go on", {
  skip: notOfNodes("it is about the files of the data directory"),
}, async () => {
  await using other = await ServiceProcess.start();
  mkdirSync(join(other.dataDir, "lineage.db", "in-the-way"), { recursive: true });
  const id = await other.run(BATCH);
  assert.equal((await other.client.executions.wait(id)).status, "completed");
  const response = await fetch(`${other.url}/api/v1/lineage?execution_id=${id}`);
  assert.equal(response.status, 503);
  assert.ok(response.headers.has("retry-after"));
  const body = errorResponseSchema.parse(await response.json());
  assert.equal(body.error_code, "SERVICE_UNAVAILABLE");
  assert.match(body.detail, /^The lineage cannot be read at present/);
  assert.equal((await other.client.system.ready()).status, "healthy");
});
