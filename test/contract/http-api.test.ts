import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { ERROR_CODES, errorResponseSchema, httpValidationErrorSchema } from "@millrace/protocol";
import { ServiceProcess } from "../support/service-process.ts";

const HELLO = `
version: "1.0"
name: hello
description: greets
routes:
  greet: { adapters: [{ type: generate, config: { count: 3 } }], outbound: [keep] }
  keep: { adapters: [{ type: log, config: { level: debug } }] }
init_message: { route: greet, payload: { a: 1, b: 2 } }
`;
const SLOW =
  'version: "1.0"\nname: slow\nroutes: { w: { adapters: [{ type: delay, config: { seconds: 60 } }] } }\ninit_message: { route: w }\n';
const BROKEN = HELLO.replace("type: log", "type: lgo");

describe("the HTTP API", () => {
  let service: ServiceProcess;
  before(async () => {
    service = await ServiceProcess.start(["--max-body-bytes", "100000", "--max-executions", "4"]);
  });
  after(() => service[Symbol.asyncDispose]());

  // biome-ignore lint/suspicious/noExplicitAny: bodies are looked into field by field, as a client without types would.
  type Answer = { status: number; headers: Headers; body: any };
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const response = await fetch(`${service.url}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
  };
  const problemsOf = (answer: Answer) => {
    assert.equal(answer.status, 422, JSON.stringify(answer.body));
    return httpValidationErrorSchema.parse(answer.body).detail.map((error) => `${error.loc.join(".")} ${error.type}`);
  };
  const codeOf = (answer: Answer) => {
    const error = errorResponseSchema.parse(answer.body);
    assert.equal(answer.headers.get("x-request-id"), error.correlation_id);
    return `${answer.status} ${error.error_code}`;
  };

  test("stores a pipeline, shows it, makes versions of it and deletes it", async () => {
    const created = await call("POST", "/api/v1/configs", { config_yaml: HELLO });
    assert.equal(created.status, 201);
    assert.equal(created.body.name, "hello");
    assert.equal(created.body.version, 1);
    assert.equal(created.body.is_runnable, true);
    assert.match(created.body.config_hash, /^[0-9a-f]{64}$/);
    const { id } = created.body;
    const updated = await call("PUT", `/api/v1/configs/${id}`, { config_yaml: BROKEN });
    assert.equal(updated.status, 200);
    assert.equal(updated.body.version, 2);
    assert.equal(updated.body.is_runnable, false);
    assert.equal(updated.body.validation_report.issues[0].code, "E103");
    assert.equal(codeOf(await call("POST", `/api/v1/configs/${id}/run`)), "400 CONFIG_INVALID");
    const versions = await call("GET", `/api/v1/configs/${id}/versions`);
    assert.deepEqual(
      versions.body.versions.map((version: { version: number }) => version.version),
      [2, 1],
    );
    assert.equal(versions.body.versions[1].config_yaml, HELLO);
    const list = await call("GET", "/api/v1/configs?limit=1000");
    assert.ok(list.body.configs.some((config: { id: string }) => config.id === id));
    assert.equal(list.body.configs[0].config_yaml, undefined);
    assert.equal((await call("DELETE", `/api/v1/configs/${id}`)).status, 204);
    assert.equal(codeOf(await call("GET", `/api/v1/configs/${id}`)), "404 CONFIG_NOT_FOUND");
    assert.equal(codeOf(await call("DELETE", `/api/v1/configs/${id}`)), "404 CONFIG_NOT_FOUND");
  });

  test("refuses a YAML that cannot be parsed, and reports on it with 200 where that was asked for", async () => {
    const refused = await call("POST", "/api/v1/configs", { name: "x", config_yaml: "a: [" });
    assert.equal(codeOf(refused), "400 CONFIG_UNPARSABLE");
    const report = await call("POST", "/api/v1/configs/validate", { config_yaml: "a: [" });
    assert.equal(report.status, 200);
    assert.equal(report.body.is_valid, false);
    assert.equal(report.body.issues[0].line, 1);
    assert.equal(report.body.error_count, report.body.issues.length);
  });

  test("runs a config with overrides, and the snapshot keeps what it ran with", async () => {
    const config = await call("POST", "/api/v1/configs", { config_yaml: HELLO });
    const run = await call("POST", `/api/v1/configs/${config.body.id}/run?tag=t-1`, { b: 3 });
    assert.equal(run.status, 201);
    assert.equal(run.body.tag, "t-1");
    assert.deepEqual(run.body.config_snapshot.init_message, { route: "greet", payload: { a: 1, b: 3 } });
    const waited = await call("POST", "/api/v1/executions/t-1/wait", { timeout: 20 });
    assert.equal(waited.body.completed, true);
    assert.deepEqual(waited.body.stats, {
      total_messages: 4,
      completed_messages: 4,
      failed_messages: 0,
      in_progress_messages: 0,
      success_rate: 1,
    });
    const got = await call("GET", `/api/v1/executions/${run.body.id}`);
    assert.equal(got.body.status, "completed");
    assert.ok(got.body.completed_at >= got.body.started_at);
    await call("DELETE", `/api/v1/configs/${config.body.id}`);
    assert.equal((await call("GET", "/api/v1/executions/t-1")).body.config_snapshot.config_yaml, HELLO);
    assert.equal(codeOf(await call("POST", `/api/v1/configs/${config.body.id}/run`)), "404 CONFIG_NOT_FOUND");
  });

  test("gives the same execution for the same idempotency key, and a tag to one only", async () => {
    const { body: config } = await call("POST", "/api/v1/configs", { config_yaml: HELLO });
    const { body: other } = await call("POST", "/api/v1/configs", { config_yaml: HELLO, name: "other" });
    const first = await call("POST", `/api/v1/configs/${config.id}/run?idempotency_key=k1&tag=unique`);
    const again = await call("POST", `/api/v1/configs/${config.id}/run?idempotency_key=k1&tag=unique`);
    assert.deepEqual([first.status, again.status], [201, 200]);
    assert.equal(again.body.id, first.body.id);
    assert.equal(
      codeOf(await call("POST", `/api/v1/configs/${other.id}/run?idempotency_key=k1`)),
      "409 IDEMPOTENCY_KEY_REUSED",
    );
    assert.equal(
      codeOf(await call("POST", "/api/v1/executions", { config_id: config.id, tag: "unique" })),
      "409 TAG_TAKEN",
    );
    const same = await Promise.all(
      Array.from({ length: 5 }, () =>
        call("POST", "/api/v1/executions", { config_id: config.id, idempotency_key: "k2" }),
      ),
    );
    assert.equal(new Set(same.map((answer) => answer.body.id)).size, 1);
    await call("POST", `/api/v1/executions/${first.body.id}/wait`, {});
  });

  test("ends a running execution by PATCH, and no other", async () => {
    const { body: config } = await call("POST", "/api/v1/configs", { config_yaml: SLOW });
    const { body: run } = await call("POST", "/api/v1/executions", { config_id: config.id, metadata: { who: "me" } });
    assert.deepEqual(run.metadata, { who: "me" });
    assert.equal(codeOf(await call("DELETE", `/api/v1/executions/${run.id}`)), "409 EXECUTION_RUNNING");
    const patched = await call("PATCH", `/api/v1/executions/${run.id}`, {
      status: "failed",
      error_info: { code: "BY_HAND", message: "enough" },
    });
    assert.equal(patched.status, 200);
    assert.deepEqual(
      { ...patched.body, message: "" },
      { success: true, execution_id: run.id, previous_status: "running", current_status: "failed", message: "" },
    );
    assert.equal((await call("GET", `/api/v1/executions/${run.id}`)).body.error_info.code, "BY_HAND");
    assert.equal(
      codeOf(await call("PATCH", `/api/v1/executions/${run.id}`, { status: "cancelled" })),
      "400 STATUS_CHANGE_NOT_ALLOWED",
    );
    assert.equal((await call("DELETE", `/api/v1/executions/${run.id}`)).status, 204);
    assert.equal(codeOf(await call("GET", `/api/v1/executions/${run.id}/events`)), "404 EXECUTION_NOT_FOUND");
    assert.deepEqual(problemsOf(await call("PATCH", `/api/v1/executions/${run.id}`, { status: "running" })), [
      "body.status enum",
    ]);
  });

  test("counts per route and adapter in stats, routes and dag", async () => {
    const { body: config } = await call("POST", "/api/v1/configs", { config_yaml: HELLO });
    const { body: run } = await call("POST", `/api/v1/configs/${config.id}/run`);
    await call("POST", `/api/v1/executions/${run.id}/wait`, {});
    const { body: stats } = await call("GET", `/api/v1/executions/${run.id}/stats`);
    assert.equal(stats.total_messages, 4);
    assert.deepEqual(
      stats.routes.map((route: { route: string; completed_messages: number }) => [
        route.route,
        route.completed_messages,
      ]),
      [
        ["greet", 1],
        ["keep", 3],
      ],
    );
    assert.equal(stats.routes[1].adapters[0].runs, 3);
    assert.ok(stats.routes[1].duration_ms.p95 >= 0);
    const { body: routes } = await call("GET", `/api/v1/executions/${run.id}/routes`);
    assert.deepEqual(
      routes.routes.map((route: { queued: number; in_flight: number; completed: number }) => [
        route.queued,
        route.in_flight,
        route.completed,
      ]),
      [
        [0, 0, 1],
        [0, 0, 3],
      ],
    );
    const { body: dag } = await call("GET", `/api/v1/executions/${run.id}/dag`);
    assert.deepEqual(
      dag.nodes.map((node: { id: string }) => node.id),
      ["greet", "greet/generate", "keep", "keep/log"],
    );
    assert.ok(
      dag.edges.some(
        (edge: { from: string; to: string; count: number }) =>
          edge.from === "greet/generate" && edge.to === "keep" && edge.count === 3,
      ),
    );
  });

  test("lists executions by status, config, tag and time, in pages", async () => {
    const { body: config } = await call("POST", "/api/v1/configs", { config_yaml: HELLO });
    const ids: string[] = [];
    for (let index = 0; index < 3; index += 1) {
      const { body: run } = await call("POST", `/api/v1/configs/${config.id}/run`);
      ids.push(run.id);
      await call("POST", `/api/v1/executions/${run.id}/wait`, {});
    }
    const page = await call("GET", `/api/v1/executions?config_id=${config.id}&limit=2`);
    assert.deepEqual([page.body.total, page.body.limit, page.body.offset, page.body.has_more], [3, 2, 0, true]);
    assert.deepEqual(
      page.body.executions.map((run: { id: string }) => run.id),
      [ids[2], ids[1]],
    );
    const rest = await call("GET", `/api/v1/executions?config_id=${config.id}&limit=2&offset=2&sort_order=desc`);
    assert.equal(rest.body.has_more, false);
    assert.equal((await call("GET", `/api/v1/executions?config_id=${config.id}&status=failed`)).body.total, 0);
    assert.equal(
      (await call("GET", `/api/v1/executions?config_id=${config.id}&started_after=2999-01-01T00:00:00Z`)).body.total,
      0,
    );
    assert.deepEqual(
      problemsOf(
        await call(
          "GET",
          "/api/v1/executions?limit=0&offset=-1&status=odd&config_id=x&started_after=then&sort_order=up",
        ),
      ).sort(),
      [
        "query.config_id uuid_parsing",
        "query.limit greater_than_equal",
        "query.offset greater_than_equal",
        "query.sort_order enum",
        "query.started_after datetime_from_date_parsing",
        "query.status enum",
      ],
    );
    assert.deepEqual(problemsOf(await call("GET", "/api/v1/executions?limit=1001")), ["query.limit less_than_equal"]);
    assert.deepEqual(problemsOf(await call("GET", "/api/v1/executions?limit=1.5")), ["query.limit int_parsing"]);
  });

  test("says all that is wrong with a body at once, in the contract's words", async () => {
    assert.deepEqual(problemsOf(await call("POST", "/api/v1/configs", {})), ["body.config_yaml missing"]);
    assert.deepEqual(
      problemsOf(await call("POST", "/api/v1/configs", { config_yaml: 1, source_type: "odd", extra: 1 })).sort(),
      ["body.config_yaml string_type", "body.extra extra_forbidden", "body.source_type enum"],
    );
    assert.deepEqual(problemsOf(await call("POST", "/api/v1/configs", { config_yaml: 'version: "1.0"' })), [
      "body.name missing",
    ]);
    assert.deepEqual(
      problemsOf(await call("POST", "/api/v1/configs", "{ not json", { "content-type": "application/json" })),
      ["body.2 json_invalid"],
    );
    assert.deepEqual(problemsOf(await call("POST", "/api/v1/configs")), ["body missing"]);
    assert.deepEqual(problemsOf(await call("POST", "/api/v1/configs", [1])), ["body model_attributes_type"]);
    assert.deepEqual(
      problemsOf(await call("POST", "/api/v1/executions", { config_id: "nope", tag: "has space" })).sort(),
      ["body.config_id uuid_parsing", "body.tag string_pattern_mismatch"],
    );
    assert.deepEqual(problemsOf(await call("POST", "/api/v1/executions/x/wait", { timeout: 0 })), [
      "body.timeout greater_than_equal",
    ]);
  });

  test("answers everything that it refuses in one of the contract's two shapes", async () => {
    assert.equal(codeOf(await call("GET", "/nowhere")), "404 ROUTE_NOT_FOUND");
    const wrong = await call("PUT", "/api/v1/executions", {});
    assert.equal(codeOf(wrong), "405 METHOD_NOT_ALLOWED");
    assert.equal(wrong.headers.get("allow"), "POST, GET, HEAD, OPTIONS");
    assert.equal(
      codeOf(await call("POST", "/api/v1/configs", "x=1", { "content-type": "application/x-www-form-urlencoded" })),
      "415 UNSUPPORTED_MEDIA_TYPE",
    );
    assert.equal(
      codeOf(await call("POST", "/api/v1/configs", { config_yaml: "x".repeat(200_000) })),
      "413 PAYLOAD_TOO_LARGE",
    );
    assert.equal(codeOf(await call("GET", "/api/v1/executions/%")), "400 REQUEST_MALFORMED");
    assert.equal(codeOf(await call("GET", "/api/v1/adapters/nope")), "404 ADAPTER_NOT_FOUND");
    for (const request of [
      "NONSENSE\r\n\r\n",
      "GET / HTTP/1.1\r\nBad Header\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "\u0000\u0001\u0002\r\n\r\n",
    ]) {
      assert.match(await raw(request), /^HTTP\/1\.1 400 .*"error_code":"REQUEST_MALFORMED"/s);
    }
    assert.match(
      await raw(`GET / HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(40_000)}\r\n\r\n`),
      /^HTTP\/1\.1 431 .*"error_code":"HEADERS_TOO_LARGE"/s,
    );
    const head = await fetch(`${service.url}/nowhere`, { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [404, ""]);
    const brew = await raw("PROPFIND /api/v1/configs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert.match(brew, /^HTTP\/1\.1 405 .*"error_code":"METHOD_NOT_ALLOWED"/s);
  });

  test("refuses more executions than allowed, and says when to come back", async () => {
    const { body: config } = await call("POST", "/api/v1/configs", { config_yaml: SLOW });
    const runs = await Promise.all(Array.from({ length: 6 }, () => call("POST", `/api/v1/configs/${config.id}/run`)));
    assert.deepEqual(runs.map((run) => run.status).sort(), [201, 201, 201, 201, 429, 429]);
    const refused = runs.find((run) => run.status === 429);
    assert.equal(refused?.body.error_code, "TOO_MANY_EXECUTIONS");
    assert.ok(Number(refused?.headers.get("retry-after")) > 0);
    for (const run of runs)
      if (run.status === 201) await call("PATCH", `/api/v1/executions/${run.body.id}`, { status: "cancelled" });
  });

  test("lists its adapters, tells of itself, and is healthy", async () => {
    const { body: adapters } = await call("GET", "/api/v1/adapters");
    assert.ok(adapters.total >= 15);
    const { body: generate } = await call("GET", "/api/v1/adapters/generate");
    assert.deepEqual(generate.config_schema.required, ["count"]);
    assert.equal((await call("GET", "/api/v1/system/info")).body.name, "millrace");
    assert.equal((await call("GET", "/health/live")).body.status, "healthy");
    const ready = await call("GET", "/health/ready");
    assert.deepEqual([ready.status, ready.body.status], [200, "healthy"]);
  });

  test("documents every path in OpenAPI 3.1", async () => {
    const { body: document } = await call("GET", "/openapi.json");
    assert.equal(document.openapi, "3.1.0");
    const events = document.paths["/api/v1/executions/{execution_id}/events"].get;
    const timeout = events.parameters.find((parameter: { name: string }) => parameter.name === "timeout");
    assert.deepEqual(timeout.schema, { type: "number", default: 300, minimum: 1, maximum: 3600 });
    assert.deepEqual(Object.keys(events.responses).sort(), ["200", "204", "404", "406", "422", "503"]);
    const references = JSON.stringify(document).match(/#\/components\/schemas\/\w+/g) ?? [];
    for (const reference of references)
      assert.ok(document.components.schemas[reference.split("/").at(-1) ?? ""], reference);
  });

  test("has a registry of error codes whose statuses are those of HTTP errors", () => {
    for (const [code, { status }] of Object.entries(ERROR_CODES)) assert.ok(status >= 400 && status < 600, code);
  });

  async function raw(request: string): Promise<string> {
    const { hostname, port } = new URL(service.url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {});
    socket.write(request);
    let text = "";
    for await (const chunk of socket) text += chunk;
    return text;
  }
});
