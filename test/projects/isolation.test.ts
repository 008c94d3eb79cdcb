import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ExecutionList } from "@millrace/protocol";
import { SLOW } from "../cli/pipelines.ts";
import { eventually } from "../support/eventually.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { type Asked, CASES } from "./cases.ts";
import { clientOf, makeThings, nothing, PROJECTS, type Things } from "./two-projects.ts";

const [MINE, THEIRS] = PROJECTS;

let service: ServiceProcess;
let mine: Things;
let theirs: Things;
before(async () => {
  service = await ServiceProcess.start();
  mine = await makeThings(service.url, MINE);
  theirs = await makeThings(service.url, THEIRS);
});
after(() => service[Symbol.asyncDispose]());

async function ask(project: string | null, method: string, { path, body }: Asked): Promise<Response> {
  return fetch(service.url + path, {
    method,
    headers: {
      ...(project === null ? {} : { "millrace-project": project }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** What an answer says, but for what is another's each time, and for the names that were asked for. */
async function saidBy(response: Response, things: Things): Promise<unknown> {
  const { correlation_id, timestamp, ...said } = JSON.parse(await response.text());
  let text = JSON.stringify({ status: response.status, said });
  for (const [what, name] of Object.entries(things)) text = text.replaceAll(name, what);
  assert.ok(correlation_id !== undefined && timestamp !== undefined);
  return JSON.parse(text);
}

test("every operation of the API has a case here", async () => {
  const document = await clientOf(service.url, MINE).system.openapi();
  const operations = Object.entries(document.paths as Record<string, Record<string, unknown>>).flatMap(
    ([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(operations.sort(), Object.keys(CASES).sort());
});

for (const [operation, shown] of Object.entries(CASES)) {
  const [method = ""] = operation.split(" ");
  if ("hidden" in shown) {
    test(`${operation}: what another project has is answered as what is not there`, async () => {
      const absent = nothing();
      for (const [index, asked] of shown.hidden(theirs).entries()) {
        const foreign = await ask(MINE, method, asked);
        const missing = await ask(MINE, method, shown.hidden(absent)[index] ?? asked);
        assert.equal(foreign.status, shown.status ?? 404, asked.path);
        assert.deepEqual(await saidBy(foreign, theirs), await saidBy(missing, absent), asked.path);
        if (method === "GET") assert.equal((await ask(MINE, "HEAD", asked)).status, foreign.status);
      }
    });
  }
  if ("list" in shown) {
    test(`${operation}: what another project has is not in it, nor counted`, async () => {
      for (const path of shown.list) {
        const own = await (await ask(MINE, method, { path })).text();
        const other = await (await ask(THEIRS, method, { path })).text();
        assert.deepEqual(namesIn(own, theirs), [], path);
        assert.ok(namesIn(own, mine).length > 0, `${path} has what is one's own: ${own}`);
        assert.ok(namesIn(other, theirs).length > 0, `${path} has what is theirs: ${other}`);
        assert.equal(JSON.parse(own).total, JSON.parse(other).total, path);
      }
    });
  }
}

/** Those of the things that a text names. */
function namesIn(text: string, things: Things): string[] {
  const project = things === mine ? MINE : THEIRS;
  return [...Object.values(things), `"name":"${project}"`].filter((name) => text.includes(name));
}

test("a name that both projects use is each one's own", async () => {
  for (const [project, things] of [
    [MINE, mine],
    [THEIRS, theirs],
  ] as const) {
    const client = clientOf(service.url, project);
    const execution = await client.executions.get("same");
    assert.deepEqual([execution.id, execution.project], [things.execution, project]);
    assert.equal((await client.configs.find("same")).id, things.config);
    const { results } = await client.search.find({ collection: "docs", q: "word" });
    assert.deepEqual([...new Set(results.map(({ execution_id }) => execution_id))], [things.execution]);
    const { lineage } = client;
    assert.equal(
      (await lineage.stats()).total_messages,
      (await lineage.stats({ execution_id: "same" })).total_messages,
    );
    await assert.rejects(client.configs.run(things.config, { tag: "same" }), (error: Error) => {
      assert.match(error.message, new RegExp(things.execution));
      return true;
    });
  }
});

test("who sees all projects finds what several have under its id, and names it by its project", async () => {
  const all = service.client;
  assert.equal((await all.executions.get(theirs.execution)).project, THEIRS);
  await assert.rejects(all.executions.get("same"), { code: "EXECUTION_NOT_FOUND" });
  await assert.rejects(all.search.collection("docs"), { code: "COLLECTION_NOT_FOUND" });
  assert.equal((await all.search.collection(theirs.collection)).project, THEIRS);
  const { projects } = await all.projects.list();
  assert.deepEqual(
    projects.map(({ name, configs, webhooks, triggers, collections }) => [
      name,
      configs,
      webhooks,
      triggers,
      collections,
    ]),
    [
      ["default", 0, 0, 0, 0],
      [MINE, 1, 1, 1, 2],
      [THEIRS, 1, 1, 1, 2],
    ],
  );
  const config = await all.configs.create({ config_yaml: SLOW.replace("name: slow", "name: same") });
  assert.equal(config.project, "default");
  const execution = await all.configs.run(config.id, { tag: "same" });
  assert.equal((await all.executions.get("same")).id, execution.id, "the default project's before others'");
  await all.executions.cancel(execution.id);
  await all.executions.delete(execution.id);
});

test("a run of theirs that is being watched is not there for others, and no stream slips in beside it", async () => {
  const client = clientOf(service.url, THEIRS);
  const config = await client.configs.create({ config_yaml: SLOW });
  const { id } = await client.configs.run(config.id);
  const path = `/api/v1/executions/${id}/events?timeout=60`;
  const gone = new AbortController();
  const watched = await fetch(service.url + path, { headers: { "millrace-project": THEIRS }, signal: gone.signal });
  const reader = watched.body?.getReader();
  await reader?.read();
  try {
    for (const each of [path, `/api/v1/events?timeout=60&execution_id=same&execution_id=${id}`])
      assert.equal((await ask(MINE, "GET", { path: each })).status, 404);
    assert.equal((await ask(null, "HEAD", { path })).status, 200);
    assert.equal((await ask(THEIRS, "HEAD", { path })).status, 200);
  } finally {
    gone.abort();
    await client.executions.cancel(id);
  }
});

test("a subpipeline finds configs of its own project alone", async () => {
  const caller = (name: string) => `version: "1.0"
name: caller
error_handling: { max_retries: 0 }
routes:
  call: { adapters: [{ type: subpipeline, config: { config: ${name} } }] }
init_message: { route: call }
`;
  const client = clientOf(service.url, MINE);
  const byName = await client.configs.create({ config_yaml: caller("same") });
  const { id } = await client.configs.run(byName.id);
  await client.executions.wait(id, 60);
  const { replays } = await client.executions.replays(id);
  assert.deepEqual(
    replays.map(({ project, config_id }) => [project, config_id]),
    [[MINE, mine.config]],
  );
  const byId = await client.configs.create({ config_yaml: caller(theirs.config) });
  const other = await client.configs.run(byId.id);
  await client.executions.wait(other.id, 60);
  const { failures } = await client.executions.failures(other.id);
  assert.equal(failures[0]?.error.code, "SUBPIPELINE_NOT_FOUND");
});

test("a pipeline reads no objects of another project's executions", async () => {
  const client = clientOf(service.url, MINE);
  const yaml = `version: "1.0"
name: reader
error_handling: { max_retries: 0 }
routes:
  read: { adapters: [{ type: docx_to_markdown, config: { object_field: object_key } }] }
init_message: { route: read }
`;
  const config = await client.configs.create({ config_yaml: yaml });
  const codes: (string | undefined)[] = [];
  for (const object_key of [mine.object, theirs.object]) {
    const { id } = await client.configs.run(config.id, { payload: { object_key } });
    await client.executions.wait(id, 60);
    codes.push((await client.executions.failures(id)).failures[0]?.error.code);
  }
  assert.notEqual(codes[0], "OBJECT_NOT_FOUND");
  assert.equal(codes[1], "OBJECT_NOT_FOUND");
});

test("what others asked for has changed nothing", async () => {
  const client = clientOf(service.url, THEIRS);
  const [config, trigger, webhook] = [
    await client.configs.get(theirs.config),
    await client.triggers.get(theirs.trigger),
    await client.webhooks.get(theirs.webhook),
  ];
  assert.deepEqual([config.name, config.version, config.is_active], ["same", 1, true]);
  assert.deepEqual([trigger.enabled, trigger.last_firing], [true, null]);
  assert.deepEqual([webhook.enabled, (await client.webhooks.deliveries(theirs.webhook)).total > 0], [true, true]);
  const { executions }: ExecutionList = await client.executions.list({ tag: "same" });
  assert.deepEqual(
    executions.map(({ id, status }) => [id, status]),
    [[theirs.execution, "failed"]],
  );
});

test("a header that is no project's name is told of with whatever else is wrong", async () => {
  const answer = await ask("No Name", "GET", { path: "/api/v1/executions?limit=0" });
  assert.equal(answer.status, 422);
  const { detail } = (await answer.json()) as { detail: { loc: unknown; type: string }[] };
  assert.deepEqual(
    detail.map(({ loc }) => loc),
    [
      ["header", "Millrace-Project"],
      ["query", "limit"],
    ],
  );
});

test("triggers start runs of their own project, whoever calls them", async () => {
  const client = clientOf(service.url, THEIRS);
  const trigger = await client.triggers.create({ config_id: theirs.config, kind: "call" });
  const called = await fetch(service.url + trigger.call_path, { method: "POST" });
  assert.equal(called.status, 201);
  const { execution_id } = (await called.json()) as { execution_id: string };
  assert.equal((await client.executions.get(execution_id)).project, THEIRS);
  await client.executions.wait(execution_id, 60);
  await client.triggers.delete(trigger.id);
  await eventually(async () => {
    const { executions } = await clientOf(service.url, MINE).executions.list({ config_id: theirs.config });
    assert.deepEqual(executions, []);
  });
});
