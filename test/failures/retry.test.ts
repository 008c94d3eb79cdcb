import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ApiError } from "@millrace/client";
import { failureGroupsSchema, failureListSchema, retryResultSchema } from "@millrace/protocol";
import { checkJournal } from "../support/check-journal.ts";
import { millrace } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

/** Messages fail until a file says otherwise: the cause that is fixed later. */
const held = new HeldAdapter();
const cause = join(held.folder, "fixed");
writeFileSync(
  join(held.folder, "needs-file.ts"),
  `import { existsSync } from "node:fs";
export default {
  type: "needs_file",
  description: "Fails while there is no file.",
  category: "test",
  process({ payload }) {
    if (payload.index % 2 === 1 && payload.fixed !== true && !existsSync(${JSON.stringify(cause)}))
      throw Object.assign(new Error("there is no file"), { retryable: false });
    return payload;
  },
};
`,
);

/** Comes to its end when the adapter lets a message through, which it does by default. */
const pipeline = (count: number, onError: string, adapter = "needs_file") => `
version: "1.0"
name: failing
routes:
  make:
    adapters: [{ type: generate, config: { count: ${count} } }]
    outbound: [work]
  work:
    inbound: { concurrency: 8 }
    error_handling: { on_error: ${onError}, max_retries: 0 }
    adapters: [{ type: ${adapter} }]
    outbound: [end]
  end: { inbound: { concurrency: 4 }, adapters: [{ type: filter, config: { when: "false" } }] }
  hold: { adapters: [{ type: held }] }
  begin: { adapters: [{ type: json_transform, config: { expression: "{}" } }], outbound: [make, hold] }
init_message: { route: begin }
`;

let service: ServiceProcess;
before(async () => {
  held.letThrough(1);
  service = await ServiceProcess.start(held.flags);
});
after(async () => {
  await service[Symbol.asyncDispose]();
  held[Symbol.dispose]();
});

async function untilFailed(id: string, count: number): Promise<void> {
  await eventually(async () => {
    assert.equal((await service.client.executions.failures(id, { limit: 1 })).total, count);
  });
}

async function codeOf(work: Promise<unknown>): Promise<string | number | undefined> {
  return work.then(
    () => "fine",
    (error) => (error instanceof ApiError ? (error.code ?? error.status) : String(error)),
  );
}

test("failed messages are listed with payload, error, attempts and place, filtered, paged and counted", async () => {
  const id = await service.run(pipeline(10, "continue"));
  await service.client.executions.wait(id, 30);
  const page = failureListSchema.parse(await service.client.executions.failures(id, { limit: 3 }));
  assert.deepEqual([page.total, page.limit, page.has_more, page.failures.length], [5, 3, true, 3]);
  const [first] = page.failures;
  assert.ok(first);
  assert.deepEqual(
    [first.route, first.adapter, first.error.message, first.attempts, first.payload?.index, first.retried_in],
    ["work", "needs_file", "there is no file", 1, 1, null],
  );
  const bare = await service.client.executions.failures(id, { payload: false, message_id: [first.message_id] });
  assert.deepEqual([bare.total, bare.failures[0]?.payload], [1, null]);
  for (const query of [
    { route: "make" },
    { code: "NOPE" },
    { adapter: "nope" },
    { message_id: ["nobody"] },
    { retried: true },
  ])
    assert.equal((await service.client.executions.failures(id, query)).total, 0, JSON.stringify(query));
  const groups = failureGroupsSchema.parse(await service.client.executions.failureGroups(id));
  assert.deepEqual(
    [groups.total, groups.groups.map(({ route, adapter, code, count }) => [route, adapter, code, count])],
    [5, [["work", "needs_file", "ADAPTER_ERROR", 5]]],
  );
  assert.equal(await codeOf(service.client.executions.failures("nobody")), "EXECUTION_NOT_FOUND");
  const shown = await millrace(["executions", "failures", id], { env: { MILLRACE_URL: service.url } });
  assert.match(shown.stdout, /^message +route +adapter +code +attempts +when$/m);
  assert.match(shown.stdout, new RegExp(`^${first.message_id} +work +needs_file +ADAPTER_ERROR +1 +\\d{4}-`, "m"));
});

test("wrong requests are refused before anything is retried", async () => {
  const id = await service.run(pipeline(4, "continue"));
  await service.client.executions.wait(id, 30);
  const { failures } = await service.client.executions.failures(id);
  const retry = (body: object) => codeOf(service.client.executions.retry(id, body));
  const [one, other] = failures.map((failure) => failure.message_id);
  assert.ok(one && other);
  assert.equal(await retry({}), 422);
  assert.equal(await retry({ message_ids: [] }), 422);
  assert.equal(await retry({ message_ids: [one, other], payload: {} }), 422);
  assert.equal(await retry({ all: true, payload: {} }), 422);
  assert.equal(await retry({ message_ids: [one], payload: {}, payload_merge: {} }), 422);
  assert.equal(await retry({ message_ids: [one], color: "red" }), 422);
  assert.equal(await retry({ message_ids: [one, "nobody"] }), "MESSAGE_NOT_FOUND");
  assert.equal(
    await retry({ message_ids: [one], config_id: "00000000-0000-7000-8000-000000000000" }),
    "CONFIG_NOT_FOUND",
  );
  const elsewhere = await service.client.configs.create({
    config_yaml:
      'version: "1.0"\nname: elsewhere\nroutes: { only: { adapters: [{ type: log }] } }\ninit_message: { route: only }\n',
  });
  assert.equal(await retry({ all: true, config_id: elsewhere.id }), "ROUTE_NOT_IN_PIPELINE");
  assert.equal(await codeOf(service.client.executions.retry("nobody", { all: true })), "EXECUTION_NOT_FOUND");
  const none = await service.client.executions.retry(id, { code: "NOPE" });
  assert.deepEqual([none.retried, none.execution, none.started], [0, null, false]);
  assert.equal((await service.client.executions.failures(id, { retried: false })).total, 2);
});

test("a stream that watches across a retry has no gap, no repeat, and one end", async () => {
  held.letThrough(0);
  const id = await service.run(pipeline(20, "continue"));
  const url = `${service.url}/api/v1/executions/${id}/events`;
  const watching = readStream(url);
  await untilFailed(id, 10);
  const { failures } = await service.client.executions.failures(id);
  const ids = failures.map((failure) => failure.message_id);
  // Twice at once: each message is taken once.
  const [one, two] = await Promise.all([
    service.client.executions.retry(id, { all: true, payload_merge: { fixed: true } }),
    service.client.executions.retry(id, { all: true, payload_merge: { fixed: true } }),
  ]);
  assert.equal((one?.retried ?? 0) + (two?.retried ?? 0), 10);
  assert.equal((one?.execution ?? two?.execution)?.id, id);
  const again = await codeOf(service.client.executions.retry(id, { message_ids: [ids[0] ?? ""] }));
  assert.ok(again === "MESSAGE_NOT_FAILED" || again === "MESSAGE_NOT_FOUND", String(again));
  held.letThrough(1);
  const { frames } = await watching;
  const events = checkJournal(frames);
  assert.deepEqual(
    frames.map((frame) => frame.id),
    (await readStream(url)).frames.map((frame) => frame.id),
  );
  assert.equal(frames.filter((frame) => frame.event === "end").length, 1);
  assert.equal(events.filter((event) => event.type === "completed" && event.attempt === 2).length, 10);
  const stats = await service.client.executions.stats(id);
  assert.deepEqual([stats.failed_messages, stats.in_progress_messages, stats.status], [0, 0, "completed"]);
});

test("an execution that is over keeps its status; its failures are retried in a new one that names it", async () => {
  const id = await service.run(pipeline(6, "fail"));
  assert.equal((await service.client.executions.wait(id, 30)).status, "failed");
  const { failures } = await service.client.executions.failures(id);
  const [one] = failures;
  assert.ok(one);
  const result = retryResultSchema.parse(
    await service.client.executions.retry(id, { message_ids: [one.message_id], payload: { index: 2 }, tag: "mended" }),
  );
  assert.equal(result.started, true);
  const child = result.execution;
  assert.ok(child);
  assert.deepEqual([child.parent_execution_id, child.replay_source, child.tag], [id, "lineage", "mended"]);
  assert.deepEqual(child.metadata.retry, {
    execution_id: id,
    messages: 1,
    message_ids: [one.message_id],
    changed_payload: true,
  });
  assert.equal((await service.client.executions.wait(child.id, 30)).status, "completed");
  checkJournal((await readStream(`${service.url}/api/v1/executions/${child.id}/events`)).frames);
  assert.equal((await service.client.executions.get(id)).status, "failed");
  const { failures: kept } = await service.client.executions.failures(id, { message_id: [one.message_id] });
  assert.equal(kept[0]?.retried_in, child.id);
  const cli = await millrace(["executions", "retry", id, one.message_id], { env: { MILLRACE_URL: service.url } });
  assert.equal(cli.code, 5, cli.stderr);
  const more = await millrace(["executions", "retry", id, one.message_id, "--again", "--set", "fixed=true"], {
    env: { MILLRACE_URL: service.url },
  });
  assert.match(more.stdout, /^1 message is retried in a new execution: [0-9a-f-]{36}$/m);
});

test("a newer config retries what an older one failed", async () => {
  const id = await service.run(pipeline(6, "continue"));
  await service.client.executions.wait(id, 30);
  const mended = await service.client.configs.create({ config_yaml: pipeline(6, "fail", "log"), name: "mended" });
  const result = await service.client.executions.retry(id, { all: true, config_id: mended.id });
  assert.deepEqual([result.retried, result.remaining, result.execution?.config_id], [3, 0, mended.id]);
  const done = await service.client.executions.wait(result.execution?.id ?? "", 30);
  assert.deepEqual([done.status, done.stats.completed_messages], ["completed", 6]);
});

test("a service that is killed between accepting a retry and settling it settles each message once", async () => {
  for (const over of [false, true]) {
    held.letThrough(over ? 1 : 0);
    const id = await service.run(pipeline(2_000, "continue"));
    await untilFailed(id, 1_000);
    if (over) await service.client.executions.wait(id, 30);
    const result = await service.client.executions.retry(id, { all: true, payload_merge: { fixed: true } });
    assert.equal(result.retried, 1_000);
    await service.end("SIGKILL");
    await service.start();
    const child = result.execution?.id ?? "";
    assert.equal(child === id, !over);
    held.letThrough(1);
    assert.equal((await service.client.executions.wait(child, 60)).status, "completed", service.stderr);
    const events = checkJournal((await readStream(`${service.url}/api/v1/executions/${child}/events`)).frames);
    const settled = events.filter((event) => event.route === "work" && event.type === "completed");
    assert.equal(settled.length, over ? 1_000 : 2_000);
    const stats = await service.client.executions.stats(child);
    assert.deepEqual([stats.failed_messages, stats.in_progress_messages], [0, 0]);
  }
});
