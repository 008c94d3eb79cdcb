import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ApiError } from "@millrace/client";
import { executionSchema, replayListSchema } from "@millrace/protocol";
import { checkJournal } from "../support/check-journal.ts";
import { millrace } from "../support/command.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

const PIPELINE = `
version: "1.0"
name: stored
routes:
  make:
    adapters: [{ type: generate, config: { count: 6 } }]
    outbound: [keep, text]
  keep:
    error_handling: { on_error: continue, max_retries: 0 }
    adapters:
      - { type: fail, config: { when: "index = 5", retryable: false } }
      - { type: store_write, config: { stage: pages, name: "\${index < 3 ? 'low' : 'high'}/\${index}.json" } }
    outbound: [use]
  text:
    adapters: [{ type: store_write, config: { stage: notes, name: "\${index}.txt", field: greeting } }]
  use: { adapters: [{ type: filter, config: { when: "false" } }] }
init_message: { route: make, payload: { greeting: hello } }
`;

let service: ServiceProcess;
let parent: string;
before(async () => {
  service = await ServiceProcess.start();
  parent = await service.run(PIPELINE.replace("count: 6", "count: 6, payload: { greeting: hello }"));
  const done = await service.client.executions.wait(parent, 30);
  assert.equal(done.status, "completed", JSON.stringify(await service.client.executions.failures(parent)));
});
after(() => service[Symbol.asyncDispose]());

async function refused(body: object): Promise<unknown> {
  return service.client.executions.replay(parent, body as never).then(
    () => "fine",
    (error) => (error instanceof ApiError ? (error.code ?? error.status) : String(error)),
  );
}

test("stored objects of a stage become messages of a new execution, by the frozen pipeline", async () => {
  const child = await service.client.executions.replay(parent, {
    replay_source: "storage",
    from_stage: "pages",
    to_route: "use",
    tag: "again",
    metadata: { why: "a test" },
  });
  assert.deepEqual(
    [child.parent_execution_id, child.replay_source, child.tag, child.config_snapshot.config_hash],
    [parent, "storage", "again", (await service.client.executions.get(parent)).config_snapshot.config_hash],
  );
  assert.deepEqual(child.metadata, {
    why: "a test",
    replay: { execution_id: parent, to_route: "use", messages: 5, from_stage: "pages" },
  });
  const done = await service.client.executions.wait(child.id, 30);
  assert.deepEqual([done.status, done.stats.completed_messages], ["completed", 5]);
  const events = checkJournal((await readStream(`${service.url}/api/v1/executions/${child.id}/events`)).frames);
  assert.deepEqual(new Set(events.map((event) => event.route)), new Set(["use"]));
  const narrow = await service.client.executions.replay(parent, {
    replay_source: "storage",
    from_stage: "keep/pages",
    from_path: "low/",
    to_route: "use",
  });
  assert.equal((await service.client.executions.wait(narrow.id, 30)).stats.total_messages, 3);
});

test("an object that is no JSON comes as what is known of it, a text with its text", async () => {
  const mirror = await service.client.configs.create({
    name: "mirror",
    config_yaml: `
version: "1.0"
name: mirror
routes:
  use: { adapters: [{ type: fail, config: { code: SEEN, retryable: false } }], error_handling: { on_error: continue } }
init_message: { route: use }
`,
  });
  const seen = async (from_stage: string) => {
    const child = await service.client.executions.replay(parent, {
      replay_source: "storage",
      from_stage,
      to_route: "use",
      config_id: mirror.id,
    });
    await service.client.executions.wait(child.id, 30);
    return (await service.client.executions.failures(child.id)).failures.map(({ payload }) => payload);
  };
  const [note] = await seen("notes");
  assert.deepEqual(
    [note?.object_key, note?.content_type, note?.size, note?.text],
    [`executions/${parent}/text/notes/0.txt`, "text/plain; charset=utf-8", 5, "hello"],
  );
  const pages = await seen("pages");
  assert.deepEqual(
    pages.map((page) => page?.index),
    [3, 4, 0, 1, 2],
  );
});

test("all that went into a route is replayed, with the payloads that it had", async () => {
  const first = await service.client.executions.replay(parent, {
    replay_source: "lineage",
    from_stage: "make",
    to_route: "make",
  });
  assert.equal((await service.client.executions.wait(first.id, 30)).stats.total_messages, 18);
  const all = await service.client.executions.replay(parent, {
    replay_source: "lineage",
    from_stage: "keep",
    to_route: "keep",
  });
  assert.deepEqual(all.metadata.replay, {
    execution_id: parent,
    to_route: "keep",
    messages: 6,
    from_stage: "keep",
    remaining: 0,
    not_kept: 0,
  });
  const done = await service.client.executions.wait(all.id, 30);
  assert.deepEqual([done.stats.completed_messages, done.stats.failed_messages], [10, 1]);
  const { failures } = await service.client.executions.failures(parent);
  assert.equal(failures[0]?.retried_in, null, "a replay is no retry");
  const [again] = (await service.client.executions.failures(all.id)).failures;
  assert.deepEqual(again?.payload, { greeting: "hello", index: 5 });
});

test("a replay is narrowed to what completed or failed, and taken in parts", async () => {
  const body = { replay_source: "lineage", from_stage: "keep", to_route: "use" } as const;
  const failed = await service.client.executions.replay(parent, { ...body, message_status: ["failed"] });
  assert.equal((await service.client.executions.wait(failed.id, 30)).stats.completed_messages, 1);
  const cli = async (...more: string[]) => {
    const args = ["executions", "replay", parent, "--source", "lineage", "--from", "keep", "--to", "use", "--json"];
    const result = await millrace([...args, ...more], { env: { MILLRACE_URL: service.url } });
    assert.equal(result.code, 0, result.stderr);
    return executionSchema.parse(JSON.parse(result.stdout)).metadata.replay;
  };
  const told = { execution_id: parent, to_route: "use", from_stage: "keep", not_kept: 0 };
  const part = await cli("--status", "completed", "--limit", "2", "--offset", "1");
  assert.deepEqual(part, { ...told, messages: 2, message_status: ["completed"], offset: 1, remaining: 2 });
  const byStage = await service.client.executions.replay(parent, { ...body, from_stage: "keep/fail" });
  assert.equal((await service.client.executions.wait(byStage.id, 30)).stats.completed_messages, 6);
  await assert.rejects(
    service.client.executions.replay(parent, { ...body, from_stage: "keep/store_write" }),
    /not between its adapters.*"fail".*Replay from "keep"/,
  );
  const last = await cli("--offset", "3");
  assert.deepEqual(last, { ...told, messages: 3, offset: 3, remaining: 0 });
  assert.equal(await refused({ ...body, offset: 6 }), "NOTHING_TO_REPLAY");
  assert.equal(await refused({ ...body, message_status: ["pending"] }), "NOTHING_TO_REPLAY");
});

test("payloads that are not kept are said before anything starts, and may be done without", async () => {
  const yaml = PIPELINE.replace("name: stored", "name: frugal\nkeep_payloads: failed");
  const frugal = await service.run(yaml.replace("count: 6", "count: 6, payload: { greeting: hello }"));
  await service.client.executions.wait(frugal, 30);
  const body = { replay_source: "lineage", from_stage: "keep", to_route: "use" } as const;
  await assert.rejects(service.client.executions.replay(frugal, body), (error) => {
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.status, error.code], [404, "PAYLOADS_MISSING"]);
    assert.match(error.message, /payloads of 5 .* the 1 that are kept.*skip_missing.*keep_payloads: all/);
    return true;
  });
  assert.equal((await service.client.executions.replays(frugal)).total, 0);
  const some = await service.client.executions.replay(frugal, { ...body, skip_missing: true });
  assert.deepEqual(some.metadata.replay, {
    execution_id: frugal,
    to_route: "use",
    messages: 1,
    from_stage: "keep",
    remaining: 0,
    not_kept: 5,
  });
  // The first message is in the snapshot, whatever is kept.
  const first = await service.client.executions.replay(frugal, { ...body, from_stage: "make", to_route: "make" });
  assert.equal((await service.client.executions.wait(first.id, 30)).stats.total_messages, 18);
  await assert.rejects(service.client.executions.replay(frugal, { ...body, from_stage: "use" }), /storage.*manual/);
});

test("the rest of a run that was cancelled is done by a replay of what was pending", async () => {
  const slow = `
version: "1.0"
name: slow
routes:
  make: { adapters: [{ type: generate, config: { count: 30 } }], outbound: [work] }
  work:
    adapters: [{ type: delay, config: { seconds: 600 }, condition: { when: "index >= 10" } }]
init_message: { route: make }
`;
  const quick = await service.client.configs.create({ name: "quick", config_yaml: slow.replace("600", "0") });
  const id = await service.run(slow);
  const body = { replay_source: "lineage", from_stage: "work", to_route: "work", config_id: quick.id } as const;
  for (let tries = 0; (await service.client.executions.stats(id)).completed_messages < 11; tries += 1) {
    assert.ok(tries < 1_000);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await assert.rejects(
    service.client.executions.replay(id, { ...body, message_status: ["pending"] }),
    /still to be done by itself/,
  );
  const soFar = await service.client.executions.replay(id, body);
  assert.equal((await service.client.executions.wait(soFar.id, 30)).stats.completed_messages, 10);
  await service.client.executions.cancel(id);
  const rest = await service.client.executions.replay(id, { ...body, message_status: ["pending", "failed"] });
  assert.equal((await service.client.executions.wait(rest.id, 30)).stats.completed_messages, 20);
});

test("payloads by hand go into any route", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-replay-"));
  const file = join(folder, "payloads.json");
  writeFileSync(file, JSON.stringify([{ index: 1 }, { index: 2 }]));
  const args = [
    "executions",
    "replay",
    parent,
    "--source",
    "manual",
    "--payloads",
    file,
    "--to",
    "use",
    "--tag",
    "hand",
  ];
  const cli = await millrace(args, { env: { MILLRACE_URL: service.url } });
  rmSync(folder, { recursive: true });
  assert.equal(cli.code, 0, cli.stderr);
  const done = await service.client.executions.wait("hand", 30);
  assert.deepEqual([done.execution_id, done.stats.completed_messages], [cli.stdout.trim(), 2]);
  const list = replayListSchema.parse(await service.client.executions.replays(parent, { limit: 1 }));
  assert.deepEqual([list.replays[0]?.id, list.has_more], [cli.stdout.trim(), true]);
  const shown = await millrace(["executions", "replays", parent], { env: { MILLRACE_URL: service.url } });
  assert.match(shown.stdout, new RegExp(`^${cli.stdout.trim()} +manual +completed`, "m"));
});

test("what cannot be replayed is said before anything starts", async () => {
  const { total } = await service.client.executions.replays(parent);
  const storage = { replay_source: "storage", from_stage: "pages", to_route: "use" };
  assert.equal(await refused({ ...storage, from_stage: "nowhere" }), "NOTHING_TO_REPLAY");
  assert.equal(await refused({ ...storage, from_stage: ".." }), "NOTHING_TO_REPLAY");
  assert.equal(await refused({ ...storage, from_stage: "keep/../text/notes" }), "NOTHING_TO_REPLAY");
  assert.equal(await refused({ ...storage, from_path: "middle/" }), "NOTHING_TO_REPLAY");
  assert.equal(await refused({ ...storage, from_path: "../notes/" }), "NOTHING_TO_REPLAY");
  assert.equal(await refused({ ...storage, to_route: "nowhere" }), "ROUTE_NOT_IN_PIPELINE");
  assert.equal(await refused({ ...storage, tag: "again" }), "TAG_TAKEN");
  assert.equal(await refused({ ...storage, config_id: "00000000-0000-7000-8000-000000000000" }), "CONFIG_NOT_FOUND");
  assert.equal(
    await refused({ replay_source: "lineage", from_stage: "nowhere", to_route: "use" }),
    "NOTHING_TO_REPLAY",
  );
  assert.equal(await refused({ replay_source: "storage", to_route: "use" }), 422);
  assert.equal(await refused({ replay_source: "manual", to_route: "use" }), 422);
  assert.equal(await refused({ ...storage, replay_source: "dream" }), 422);
  assert.equal(await refused({ ...storage, payloads: [{}] }), 422);
  assert.equal(await refused({ ...storage, message_status: ["failed"] }), 422);
  assert.equal(await refused({ ...storage, limit: 1 }), 422);
  assert.equal(await refused({ replay_source: "lineage", from_stage: "use", to_route: "use", limit: 0 }), 422);
  assert.equal((await service.client.executions.replays(parent)).total, total);
});

test("a replay that is killed at its start goes on with every message", async () => {
  const payloads = Array.from({ length: 2_000 }, (_, index) => ({ index }));
  const child = await service.client.executions.replay(parent, { replay_source: "manual", payloads, to_route: "use" });
  await service.end("SIGKILL");
  await service.start();
  const done = await service.client.executions.wait(child.id, 60);
  assert.deepEqual([done.status, done.stats.completed_messages], ["completed", 2_000]);
  checkJournal((await readStream(`${service.url}/api/v1/executions/${child.id}/events`)).frames);
});

test("a service that is set to keep only what failed does so, but for pipelines that want more", async () => {
  await service.end();
  await service.start(["--keep-payloads", "failed"]);
  const body = { replay_source: "lineage", from_stage: "keep", to_route: "use" } as const;
  const frugal = await service.run(PIPELINE.replace("count: 6", "count: 6, payload: { greeting: hello }"));
  await service.client.executions.wait(frugal, 30);
  await assert.rejects(service.client.executions.replay(frugal, body), { code: "PAYLOADS_MISSING" });
  const yaml = PIPELINE.replace("  keep:\n", "  keep:\n    keep_payloads: all\n");
  const keeping = await service.run(yaml.replace("count: 6", "count: 6, payload: { greeting: hello }"));
  await service.client.executions.wait(keeping, 30);
  const all = await service.client.executions.replay(keeping, body);
  assert.equal((await service.client.executions.wait(all.id, 30)).stats.completed_messages, 6);
});
