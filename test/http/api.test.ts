import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import {
  adapterListSchema,
  configListSchema,
  configSchema,
  configVersionListSchema,
  configVersionSchema,
  dagSchema,
  errorResponseSchema,
  executionListSchema,
  executionSchema,
  executionStatsSchema,
  healthSchema,
  httpValidationErrorSchema,
  patchExecutionResultSchema,
  routeStatesSchema,
  systemInfoSchema,
  validationReportSchema,
  waitResultSchema,
} from "@millrace/protocol";
import type { z } from "zod";
import { startTestService, type TestService } from "./service.ts";

let service: TestService;
let api: string;

before(async () => {
  service = await startTestService();
  api = `${service.base}/api/v1`;
});
after(() => service.stop());

const FAN_OUT = `version: "1.0"
name: fan-out
routes:
  make:
    name: Make numbers
    adapters: [{ type: generate, name: numbers, config: { count: 5 } }]
    outbound: [use, keep]
  use:
    adapters: [{ type: log }, { type: fail, config: { when: "index = 2", retryable: false } }]
    error_handling: { on_error: continue, max_retries: 0 }
  keep: { adapters: [{ type: log }] }
init_message: { route: make, payload: { greeting: hello, size: { a: 1, b: 2 } } }
`;
const SLOW = `version: "1.0"
name: slow
routes:
  wait: { adapters: [{ type: delay, config: { seconds: 60 } }] }
init_message: { route: wait }
`;
const BROKEN = `version: "1.0"
name: broken
routes:
  only: { adapters: [{ type: no_such_adapter }], outbound: [nowhere] }
init_message: { route: only }
`;
const UNPARSABLE = 'version: "1.0"\nname: [unclosed\n';
const NOBODY = "00000000-0000-7000-8000-000000000000";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(path.startsWith("http") ? path : `${api}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  assert.ok(response.headers.get("x-request-id"), `${method} ${path} has no X-Request-ID`);
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
}

async function expect<T>(
  schema: z.ZodType<T>,
  status: number,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const answer = await call(method, path, body);
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  return schema.parse(answer.body);
}

async function refused(
  code: string,
  status: number,
  method: string,
  path: string,
  body?: unknown,
): Promise<z.infer<typeof errorResponseSchema>> {
  const answer = await call(method, path, body);
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  const error = errorResponseSchema.parse(answer.body);
  assert.equal(error.error_code, code);
  assert.equal(error.correlation_id, answer.headers.get("x-request-id"));
  assert.ok(error.timestamp);
  if (status === 429 || status === 503) assert.match(answer.headers.get("retry-after") ?? "", /^[0-9]+$/);
  return error;
}

async function unfit(
  expected: [type: string, ...loc: (string | number)[]][],
  method: string,
  path: string,
  body?: unknown,
): Promise<void> {
  const answer = await call(method, path, body);
  assert.equal(answer.status, 422, JSON.stringify(answer.body));
  const { detail } = httpValidationErrorSchema.parse(answer.body);
  assert.deepEqual(
    detail.map(({ type, loc }) => [type, ...loc]),
    expected,
  );
  for (const each of detail) assert.ok("input" in each && each.msg !== "");
}

const create = (yaml: string, more: object = {}) =>
  expect(configSchema, 201, "POST", "/configs", { config_yaml: yaml, ...more });
const run = (id: string, query = "", body?: unknown) =>
  expect(executionSchema, 201, "POST", `/configs/${id}/run${query}`, body);
const end = (id: string) => expect(waitResultSchema, 200, "POST", `/executions/${id}/wait`, { timeout: 30 });
const cancel = (id: string) => call("PATCH", `/executions/${id}`, { status: "cancelled" });

test("a config is created, read, listed, changed, and deleted", async () => {
  const made = await create(FAN_OUT, { description: "numbers" });
  assert.equal(made.name, "fan-out");
  assert.equal(made.source_type, "api");
  assert.equal(made.source_path, null);
  assert.equal(made.description, "numbers");
  assert.equal(made.version, 1);
  assert.equal(made.config_hash, createHash("sha256").update(FAN_OUT).digest("hex"));
  assert.equal(made.is_active, true);
  assert.equal(made.is_runnable, true);
  assert.equal(made.config_yaml, FAN_OUT);
  assert.deepEqual(await expect(configSchema, 200, "GET", `/configs/${made.id}`), made);

  const changed = await expect(configSchema, 200, "PUT", `/configs/${made.id}`, { config_yaml: SLOW, name: "renamed" });
  assert.deepEqual(
    [changed.id, changed.version, changed.name, changed.description],
    [made.id, 2, "renamed", "numbers"],
  );
  assert.notEqual(changed.config_hash, made.config_hash);
  assert.equal(changed.created_at, made.created_at);
  assert.ok(changed.updated_at >= made.updated_at);
  // Somebody who changed the first version learns that there is a second one, and overwrites nothing.
  await refused("CONFIG_CHANGED", 409, "PUT", `/configs/${made.id}`, { config_yaml: BROKEN, expected_version: 1 });
  const { versions } = await expect(configVersionListSchema, 200, "GET", `/configs/${made.id}/versions`);
  assert.deepEqual(
    versions.map((each) => [each.version, each.config_yaml]),
    [
      [2, SLOW],
      [1, FAN_OUT],
    ],
  );
  for (const each of versions) {
    const path = `/configs/${made.id}/versions/${each.version}`;
    assert.deepEqual(await expect(configVersionSchema, 200, "GET", path), each);
  }
  await refused("CONFIG_NOT_FOUND", 404, "GET", `/configs/${made.id}/versions/3`);

  const list = await expect(configListSchema, 200, "GET", "/configs?limit=1000");
  const listed = list.configs.find((each) => each.id === made.id);
  assert.equal(listed?.name, "renamed");
  assert.ok(listed !== undefined && !("config_yaml" in listed));

  const described = FAN_OUT.replace("name: fan-out", "name: fan-out\ndescription: what the YAML says");
  assert.equal((await create(described)).description, "what the YAML says");

  assert.deepEqual([(await call("DELETE", `/configs/${made.id}`)).status], [204]);
  await refused("CONFIG_NOT_FOUND", 404, "GET", `/configs/${made.id}`);
  await refused("CONFIG_NOT_FOUND", 404, "DELETE", `/configs/${made.id}`);
});

test("lists are cut into pages that tell whether there is more", async () => {
  const made = [await create(SLOW, { name: "page-1" }), await create(SLOW, { name: "page-2" })];
  const first = await expect(configListSchema, 200, "GET", "/configs?limit=1");
  assert.deepEqual([first.limit, first.offset, first.has_more, first.configs.length], [1, 0, true, 1]);
  const last = await expect(configListSchema, 200, "GET", `/configs?limit=1&offset=${first.total - 1}`);
  assert.deepEqual([last.has_more, last.configs.length], [false, 1]);
  const beyond = await expect(configListSchema, 200, "GET", `/configs?offset=${first.total + 5}`);
  assert.deepEqual([beyond.limit, beyond.has_more, beyond.configs.length], [100, false, 0]);
  await unfit(
    [
      ["greater_than_equal", "query", "limit"],
      ["greater_than_equal", "query", "offset"],
    ],
    "GET",
    "/configs?limit=0&offset=-1",
  );
  await unfit([["less_than_equal", "query", "limit"]], "GET", "/configs?limit=1001");
  await unfit([["int_parsing", "query", "limit"]], "GET", "/configs?limit=1.5");
  for (const each of made) await call("DELETE", `/configs/${each.id}`);
});

test("a YAML with findings is stored but does not run; one that cannot be parsed is refused with its findings", async () => {
  const made = await create(BROKEN);
  assert.equal(made.is_runnable, false);
  assert.equal(made.validation_report.is_valid, false);
  assert.deepEqual(made.validation_report.issues.map((issue) => issue.code).sort(), ["E103", "E202"]);
  const error = await refused("CONFIG_INVALID", 400, "POST", `/configs/${made.id}/run`);
  assert.equal(validationReportSchema.parse(error.validation_report).error_count, 2);
  const refusal = await refused("CONFIG_UNPARSABLE", 400, "POST", "/configs", { name: "x", config_yaml: UNPARSABLE });
  assert.match(validationReportSchema.parse(refusal.validation_report).issues[0]?.code ?? "", /^E0/);
  await refused("CONFIG_UNPARSABLE", 400, "PUT", `/configs/${made.id}`, { config_yaml: UNPARSABLE });
  assert.equal((await expect(configSchema, 200, "GET", `/configs/${made.id}`)).version, 1);
  const fixed = await expect(configSchema, 200, "PUT", `/configs/${made.id}`, { config_yaml: FAN_OUT });
  assert.equal(fixed.is_runnable, true);
  await expect(configSchema, 200, "PUT", `/configs/${made.id}`, { is_active: false });
  await refused("CONFIG_INACTIVE", 400, "POST", `/configs/${made.id}/run`);
});

test("validation always answers 200 with the report, errors first", async () => {
  for (const [yaml, valid] of [
    [FAN_OUT, true],
    [BROKEN, false],
    [UNPARSABLE, false],
    ["", false],
    ["just text", false],
    ["a: &a [*a]", false],
  ] as const) {
    const report = await expect(validationReportSchema, 200, "POST", "/configs/validate", { config_yaml: yaml });
    assert.equal(report.is_valid, valid, yaml);
    assert.equal(report.error_count, report.issues.filter((issue) => issue.severity === "error").length);
    assert.equal(report.warning_count, report.issues.filter((issue) => issue.severity === "warning").length);
    assert.equal(
      report.issues.findIndex((issue) => issue.severity === "warning"),
      report.warning_count === 0 ? -1 : report.error_count,
    );
  }
  const warned = await expect(validationReportSchema, 200, "POST", "/configs/validate", {
    config_yaml: SLOW.replace(/init_message.*\n/, ""),
  });
  assert.equal(warned.is_valid, true);
  assert.ok(warned.issues.some((issue) => issue.code === "W502"));
});

test("bodies that do not fit are told of field by field", async () => {
  await unfit([["missing", "body"]], "POST", "/configs");
  await unfit(
    [
      ["missing", "body", "config_yaml"],
      ["enum", "body", "source_type"],
      ["extra_forbidden", "body", "nmae"],
    ],
    "POST",
    "/configs",
    { nmae: "x", source_type: "web" },
  );
  await unfit(
    [
      ["string_type", "body", "config_yaml"],
      ["string_type", "body", "name"],
    ].reverse() as [string, ...string[]][],
    "POST",
    "/configs",
    { name: 1, config_yaml: null },
  );
  await unfit([["missing", "body", "name"]], "POST", "/configs", {
    config_yaml: FAN_OUT.replace("name: fan-out\n", ""),
  });
  await unfit([["string_too_short", "body", "name"]], "POST", "/configs", { config_yaml: FAN_OUT, name: "" });
  await unfit([["json_invalid", "body", 1]], "POST", "/configs/validate", "{");
  await unfit([["model_attributes_type", "body"]], "POST", "/configs/validate", "[]");
  await unfit([["uuid_parsing", "body", "config_id"]], "POST", "/executions", { config_id: "nope" });
  await unfit(
    [
      ["missing", "body", "config_id"],
      ["dict_type", "body", "init_payload"],
      ["string_pattern_mismatch", "body", "tag"],
    ].toSorted(
      (a, b) =>
        ["config_id", "tag", "init_payload"].indexOf(a[2] ?? "") -
        ["config_id", "tag", "init_payload"].indexOf(b[2] ?? ""),
    ) as [string, ...string[]][],
    "POST",
    "/executions",
    { init_payload: [1], tag: "a b" },
  );
  await unfit([["enum", "body", "status"]], "PATCH", `/executions/${NOBODY}`, { status: "running" });
  await unfit([["missing", "body"]], "PATCH", `/executions/${NOBODY}`);
});

test("a run merges its body into the first payload key by key, and ends with its counts", async () => {
  const config = await create(FAN_OUT);
  const tag = `run-${randomUUID()}`;
  const started = await run(config.id, `?tag=${tag}`, { greeting: "ciao", size: { c: 3 }, extra: true });
  assert.equal(started.config_id, config.id);
  assert.equal(started.tag, tag);
  assert.equal(started.status, "running");
  assert.equal(started.completed_at, null);
  assert.deepEqual([started.parent_execution_id, started.replay_source, started.error_info], [null, null, null]);
  assert.match(started.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assert.deepEqual(started.config_snapshot.init_message, {
    route: "make",
    payload: { greeting: "ciao", size: { c: 3 }, extra: true },
  });
  assert.equal(started.config_snapshot.config_yaml, FAN_OUT);

  const waited = await end(tag);
  assert.deepEqual([waited.completed, waited.execution_id, waited.status], [true, started.id, "completed"]);
  assert.deepEqual(waited.stats, {
    total_messages: 11,
    completed_messages: 10,
    failed_messages: 1,
    in_progress_messages: 0,
    success_rate: 10 / 11,
  });

  for (const name of [started.id, tag]) {
    const over = await expect(executionSchema, 200, "GET", `/executions/${name}`);
    assert.deepEqual([over.id, over.status], [started.id, "completed"]);
    assert.ok(over.completed_at !== null && over.completed_at >= over.started_at);
  }
  const stats = await expect(executionStatsSchema, 200, "GET", `/executions/${tag}/stats`);
  assert.deepEqual([stats.total_messages, stats.completed_messages, stats.failed_messages], [11, 10, 1]);
  assert.ok(stats.rate > 0);
  assert.deepEqual(
    stats.routes.map((each) => [each.route, each.total_messages, each.completed_messages, each.failed_messages]),
    [
      ["make", 1, 1, 0],
      ["use", 5, 4, 1],
      ["keep", 5, 5, 0],
    ],
  );
  const [, use] = stats.routes;
  assert.deepEqual(
    use?.adapters.map((each) => [each.name, each.type, each.adapter_index, each.runs, each.failures]),
    [
      ["log", "log", 0, 5, 0],
      ["fail", "fail", 1, 5, 1],
    ],
  );
  assert.ok(use?.duration_ms.mean !== null && use?.duration_ms.max !== null);
  const { routes } = await expect(routeStatesSchema, 200, "GET", `/executions/${tag}/routes`);
  assert.deepEqual(routes, [
    { route: "make", name: "Make numbers", queued: 0, in_flight: 0, retrying: 0, completed: 1, failed: 0 },
    { route: "use", name: null, queued: 0, in_flight: 0, retrying: 0, completed: 4, failed: 1 },
    { route: "keep", name: null, queued: 0, in_flight: 0, retrying: 0, completed: 5, failed: 0 },
  ]);
  const dag = await expect(dagSchema, 200, "GET", `/executions/${tag}/dag`);
  assert.deepEqual(
    dag.nodes.map((node) => node.id),
    ["make", "make/numbers", "use", "use/log", "use/fail", "keep", "keep/log"],
  );
  assert.deepEqual(
    dag.edges.map((edge) => `${edge.from} > ${edge.to} ${edge.kind} ${edge.count}`),
    [
      "make > make/numbers chain 1",
      "make/numbers > use outbound 5",
      "make/numbers > keep outbound 5",
      "use > use/log chain 5",
      "use/log > use/fail chain 5",
      "keep > keep/log chain 5",
    ],
  );
  await refused("STATUS_CHANGE_NOT_ALLOWED", 400, "PATCH", `/executions/${tag}`, { status: "cancelled" });
  assert.equal((await call("DELETE", `/configs/${config.id}`)).status, 204);
  assert.equal((await expect(executionSchema, 200, "GET", `/executions/${tag}`)).config_snapshot.config_yaml, FAN_OUT);
  assert.equal((await call("DELETE", `/executions/${tag}`)).status, 204);
  await refused("EXECUTION_NOT_FOUND", 404, "GET", `/executions/${tag}`);
  await refused("EXECUTION_NOT_FOUND", 404, "DELETE", `/executions/${started.id}`);
});

test("a tag is given once, and an idempotency key starts one execution", async () => {
  const config = await create(FAN_OUT);
  const other = await create(FAN_OUT);
  const tag = `tag-${randomUUID()}`;
  const key = randomUUID();
  const first = await run(config.id, `?tag=${tag}&idempotency_key=${key}`);
  await refused("TAG_TAKEN", 409, "POST", `/configs/${config.id}/run?tag=${tag}`);
  const again = await expect(
    executionSchema,
    200,
    "POST",
    `/configs/${config.id}/run?tag=${tag}&idempotency_key=${key}`,
  );
  assert.equal(again.id, first.id);
  const posted = await expect(executionSchema, 200, "POST", "/executions", {
    config_id: config.id,
    idempotency_key: key,
  });
  assert.equal(posted.id, first.id);
  await refused("IDEMPOTENCY_KEY_REUSED", 409, "POST", `/configs/${other.id}/run?idempotency_key=${key}`);
  await end(first.id);
  const raced = await Promise.all(
    Array.from({ length: 5 }, () => call("POST", `/configs/${config.id}/run?idempotency_key=raced-${key}`)),
  );
  const ids = raced.map((each) => executionSchema.parse(each.body).id);
  assert.equal(new Set(ids).size, 1);
  assert.deepEqual(raced.map((each) => each.status).sort(), [200, 200, 200, 200, 201]);
  await unfit(
    [
      ["bool_parsing", "query", "skip_init_message"],
      ["string_pattern_mismatch", "query", "tag"],
    ].reverse() as [string, ...string[]][],
    "POST",
    `/configs/${config.id}/run?tag=a%20b&skip_init_message=maybe`,
  );
  await unfit([["dict_type", "body"]], "POST", `/configs/${config.id}/run`, "[1]");
  const nothing = await run(config.id, "?skip_init_message=true");
  assert.deepEqual((await end(nothing.id)).stats.total_messages, 0);
});

test("POST /executions starts what run starts, with metadata", async () => {
  const config = await create(FAN_OUT);
  const body = { config_id: config.id, init_payload: { greeting: "x" }, metadata: { by: "test" }, tag: null };
  const started = await expect(executionSchema, 201, "POST", "/executions", body);
  assert.deepEqual(started.metadata, { by: "test" });
  await end(started.id);
  await refused("CONFIG_NOT_FOUND", 404, "POST", "/executions", { config_id: NOBODY });
  await refused("CONFIG_NOT_FOUND", 404, "POST", `/configs/${NOBODY}/run`);
  await refused("CONFIG_NOT_FOUND", 404, "POST", "/configs/nope/run");
});

test("executions are found by status, config, tag and time, in either order", async () => {
  const config = await create(FAN_OUT);
  const tag = `list-${randomUUID()}`;
  const first = await run(config.id, `?tag=${tag}`);
  await end(first.id);
  const second = await run(config.id);
  await end(second.id);
  const ids = async (query: string) =>
    (await expect(executionListSchema, 200, "GET", `/executions?config_id=${config.id}&${query}`)).executions.map(
      (each) => each.id,
    );
  assert.deepEqual(await ids(""), [second.id, first.id]);
  const { executions } = await expect(executionListSchema, 200, "GET", `/executions?tag=${tag}`);
  const { config_id, name, version, config_hash } = first.config_snapshot;
  assert.equal(first.config_name, name);
  assert.deepEqual(executions, [
    {
      ...(await expect(executionSchema, 200, "GET", `/executions/${tag}`)),
      config_snapshot: executions[0]?.config_snapshot,
    },
  ]);
  assert.deepEqual(executions[0]?.config_snapshot, { config_id, name, version, config_hash });
  assert.deepEqual(await ids("sort_order=asc"), [first.id, second.id]);
  assert.deepEqual(await ids("status=completed&limit=1&offset=1"), [first.id]);
  assert.deepEqual(await ids("status=running"), []);
  assert.deepEqual(await ids("status=running,%20completed"), [second.id, first.id]);
  assert.deepEqual(await ids("status=failed&status=completed"), [second.id, first.id]);
  assert.deepEqual(await ids("status="), [second.id, first.id]);
  assert.deepEqual(await ids(`tag=${tag}`), [first.id]);
  assert.deepEqual(await ids(`tag_prefix=${tag.slice(0, 12)}`), [first.id]);
  assert.deepEqual(await ids(`search=${tag.slice(3, 20).toUpperCase()}`), [first.id]);
  assert.deepEqual(await ids(`search=${second.id}`), [second.id]);
  assert.deepEqual(await ids(`search=%20${String(config.name).slice(1, 4)}%20%20`), [second.id, first.id]);
  assert.deepEqual(await ids(`search=${tag}%20no-such-word`), []);
  assert.deepEqual(await ids("search="), [second.id, first.id]);
  assert.deepEqual(await ids(`started_after=${second.started_at}`), [second.id]);
  assert.deepEqual(await ids(`started_before=${second.started_at}`), [first.id]);
  assert.deepEqual(await ids("started_after=2999-01-01"), []);
  assert.deepEqual(await ids("started_after=2001-01-01T00:00:00%2B01:00"), [second.id, first.id]);
  assert.deepEqual(await ids(`parent_execution_id=${first.id}`), []);
  await unfit([["enum", "query", "status"]], "GET", "/executions?status=running,done");
  await unfit(
    [
      ["string_too_long", "query", "tag_prefix"],
      ["string_too_long", "query", "search"],
    ],
    "GET",
    `/executions?tag_prefix=${"a".repeat(129)}&search=${"a".repeat(257)}`,
  );
  await unfit(
    [
      ["datetime_from_date_parsing", "query", "started_after"],
      ["datetime_from_date_parsing", "query", "started_before"],
      ["enum", "query", "sort_order"],
    ],
    "GET",
    "/executions?started_after=yesterday&started_before=2026-13-01&sort_order=up",
  );
});

test("a running execution can be waited for, cancelled once, and deleted only then", async () => {
  const config = await create(SLOW);
  const { id } = await run(config.id);
  await refused("EXECUTION_RUNNING", 409, "DELETE", `/executions/${id}`);
  const waited = await expect(waitResultSchema, 200, "POST", `/executions/${id}/wait`, { timeout: 1 });
  assert.deepEqual([waited.completed, waited.status], [false, "running"]);
  assert.ok(waited.duration_ms >= 1000);
  assert.deepEqual(waited.stats, {
    total_messages: 1,
    completed_messages: 0,
    failed_messages: 0,
    in_progress_messages: 1,
    success_rate: 1,
  });
  const { routes } = await expect(routeStatesSchema, 200, "GET", `/executions/${id}/routes`);
  assert.deepEqual(routes, [
    { route: "wait", name: null, queued: 0, in_flight: 1, retrying: 0, completed: 0, failed: 0 },
  ]);
  const waiting = expect(waitResultSchema, 200, "POST", `/executions/${id}/wait`);
  const changed = await expect(patchExecutionResultSchema, 200, "PATCH", `/executions/${id}`, {
    status: "cancelled",
    error_info: { code: "OPERATOR", message: "enough", by: "me" },
  });
  assert.deepEqual(
    [changed.success, changed.execution_id, changed.previous_status, changed.current_status],
    [true, id, "running", "cancelled"],
  );
  const released = await waiting;
  assert.deepEqual([released.completed, released.status], [true, "cancelled"]);
  const over = await expect(executionSchema, 200, "GET", `/executions/${id}`);
  assert.deepEqual(over.error_info, { code: "OPERATOR", message: "enough", by: "me" });
  await refused("STATUS_CHANGE_NOT_ALLOWED", 400, "PATCH", `/executions/${id}`, { status: "completed" });
  assert.equal((await call("DELETE", `/executions/${id}`)).status, 204);
});

test("a time-out of wait that does not fit is refused, and one as text is taken", async () => {
  const path = `/executions/${NOBODY}/wait`;
  await unfit([["greater_than_equal", "body", "timeout"]], "POST", path, { timeout: 0.5 });
  await unfit([["less_than_equal", "body", "timeout"]], "POST", path, { timeout: 3601 });
  await unfit([["float_parsing", "body", "timeout"]], "POST", path, { timeout: "soon" });
  await unfit([["float_type", "body", "timeout"]], "POST", path, { timeout: null });
  await refused("EXECUTION_NOT_FOUND", 404, "POST", path, { timeout: "30" });
  await refused("EXECUTION_NOT_FOUND", 404, "POST", path);
});

test("an id of no form at all is a 404 on every path", async () => {
  for (const id of ["nope", "..%2f..", "%00", "a%20b", "x".repeat(3000), NOBODY, "%F0%9F%92%A9"]) {
    for (const path of ["", "/stats", "/dag", "/routes", "/events"])
      await refused("EXECUTION_NOT_FOUND", 404, "GET", `/executions/${id}${path}`);
    await refused("CONFIG_NOT_FOUND", 404, "GET", `/configs/${id}`);
    await refused("CONFIG_NOT_FOUND", 404, "GET", `/configs/${id}/versions`);
    await refused("CONFIG_NOT_FOUND", 404, "GET", `/configs/${id}/versions/1`);
    await refused("ADAPTER_NOT_FOUND", 404, "GET", `/adapters/${id}`);
  }
});

test("a client that goes away while it waits leaves nothing behind", async () => {
  const config = await create(SLOW);
  const { id } = await run(config.id);
  const { hostname, port } = new URL(service.base);
  const socket = connect(Number(port), hostname);
  socket.write(`POST /api/v1/executions/${id}/wait HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.destroy();
  assert.equal((await cancel(id)).status, 200);
});

test("adapters, the system and its health tell of themselves", async () => {
  const { total, adapters } = await expect(adapterListSchema, 200, "GET", "/adapters");
  assert.equal(total, adapters.length);
  const generate = adapters.find((each) => each.type === "generate");
  assert.ok(generate);
  assert.equal(generate.config_schema.type, "object");
  assert.deepEqual((await call("GET", "/adapters/generate")).body, generate);
  const info = await expect(systemInfoSchema, 200, "GET", "/system/info");
  assert.match(info.version, /^\d+\.\d+\.\d+/);
  for (const path of ["/health/live", "/health/ready"]) {
    const health = await expect(healthSchema, 200, "GET", `${service.base}${path}`);
    assert.equal(health.status, "healthy");
  }
  const schema = await call("GET", "/pipeline-schema.json");
  assert.equal(schema.status, 200);
  assert.match(JSON.stringify(schema.body), /init_message/);
});

test("every method that a path does not take is a 405 that names those that it takes", async () => {
  for (const [path, allow] of [
    ["/executions", "GET, HEAD, OPTIONS, POST"],
    [`/executions/${NOBODY}`, "DELETE, GET, HEAD, OPTIONS, PATCH"],
    [`/executions/${NOBODY}/events`, "GET, HEAD, OPTIONS"],
    [`/executions/${NOBODY}/wait`, "OPTIONS, POST"],
    ["/events", "GET, HEAD, OPTIONS"],
    ["/system/info", "GET, HEAD, OPTIONS"],
  ] as const) {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"].filter(
      (each) => !allow.includes(each),
    )) {
      const answer = await call(method, path);
      assert.equal(answer.status, 405, `${method} ${path}`);
      assert.equal(errorResponseSchema.parse(answer.body).error_code, "METHOD_NOT_ALLOWED");
      assert.equal((answer.headers.get("allow") ?? "").split(", ").sort().join(", "), allow);
    }
    const options = await call("OPTIONS", path);
    assert.equal(options.status, 204);
    assert.equal((options.headers.get("allow") ?? "").split(", ").sort().join(", "), allow);
  }
});
