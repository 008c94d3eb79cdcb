import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { errorResponseSchema } from "@millrace/protocol";
import Fastify, { type FastifyInstance, type InjectOptions } from "fastify";
import { ANYONE, type Principal, STRANGER } from "../access/principal.ts";
import type { Client } from "../http/client.ts";
import { type Endpoint, endpoint, registerEndpoints } from "../http/endpoint.ts";
import { toAnswer } from "../http/errors.ts";
import { callerOf, registerLimits, withLimits } from "./limit-hooks.ts";
import type { LimitSettings } from "./limits.ts";
import { NodeLimits } from "./node-limits.ts";

const SETTINGS: LimitSettings = {
  limit_requests_per_second: 0.001,
  limit_request_burst: 3,
  limit_bytes_per_minute: 0,
  limit_streams: 1,
  limit_runs: 1,
  limit_run_starts_per_minute: 2,
  limit_failed_attempts: 0,
};

const from = (address: string): Client => ({ address, secure: false, host: null, proxyNotTrusted: false });
const key = (id: string): Principal => ({ ...ANYONE, kind: "key", id, scopes: ["run"] });

test("a request counts as its credential's, without one as its address's, and this machine's own as nobody's", () => {
  const own = callerOf(key("a"), from("203.0.113.1"), true);
  assert.equal(callerOf(key("a"), from("127.0.0.1"), true), own);
  assert.equal(callerOf({ ...key("a"), kind: "ticket" }, from("127.0.0.1"), true), own, "its ticket");
  assert.equal(callerOf({ ...key("a"), kind: "session" }, from("127.0.0.1"), true), own, "its login");
  assert.notEqual(callerOf(key("b"), from("203.0.113.1"), true), own);
  assert.equal(callerOf(STRANGER, from("203.0.113.1"), true), "address:203.0.113.1");
  assert.equal(callerOf(STRANGER, from("127.0.0.1"), true), "address:127.0.0.1");
  assert.equal(callerOf(ANYONE, from("203.0.113.1"), false), "address:203.0.113.1");
  assert.equal(callerOf(ANYONE, from("unknown"), false), "address:unknown", "it has gone already");
  assert.equal(callerOf(ANYONE, from("127.0.0.1"), false), null);
  assert.equal(callerOf(ANYONE, from("::1"), false), null);
});

let app: FastifyInstance;
let over = false;
let id = 0;
before(async () => {
  const limits = new NodeLimits(SETTINGS, async () => over);
  app = Fastify();
  // As the service does it once it has looked at the credential.
  app.decorateRequest("principal", {
    getter() {
      const name = this.headers.authorization;
      return name === undefined ? STRANGER : key(name);
    },
  });
  app.decorateRequest("client", {
    getter() {
      return from(String(this.headers["x-from"] ?? "203.0.113.1"));
    },
  });
  const parts = { limits, runs: limits, accessControl: true };
  registerLimits(app, parts);
  app.setErrorHandler((error, request, reply) => {
    const { status, headers, body } = toAnswer(error, request.id);
    return reply.code(status).headers(headers).send(body);
  });
  const spec = { access: "run", summary: "", tag: "", responses: {} } as const;
  const endpoints: Endpoint[] = [
    endpoint({ ...spec, method: "GET", path: "/plain", handler: async () => ({}) }),
    endpoint({
      ...spec,
      method: "POST",
      path: "/run",
      counts: "run",
      handler: async ({ request }) => {
        if (request.headers["x-fails"] !== undefined) throw new Error("it cannot start");
        id += 1;
        request.startedExecution = String(id);
        return {};
      },
    }),
  ];
  registerEndpoints(
    app,
    endpoints.map((each) => withLimits(each, parts)),
  );
});
after(() => app.close());

async function statusesOf(times: number, request: InjectOptions): Promise<number[]> {
  const statuses = [];
  for (let each = 0; each < times; each += 1) statuses.push((await app.inject(request)).statusCode);
  return statuses;
}

test("each key has requests of its own, from wherever they come, and none of those of its address", async () => {
  const url = "/plain";
  assert.deepEqual(await statusesOf(4, { url, headers: { authorization: "one" } }), [200, 200, 200, 429]);
  assert.deepEqual(await statusesOf(1, { url, headers: { authorization: "one", "x-from": "203.0.113.9" } }), [429]);
  assert.deepEqual(await statusesOf(1, { url, headers: { authorization: "two" } }), [200]);
  assert.deepEqual(await statusesOf(4, { url }), [200, 200, 200, 429]);
  assert.deepEqual(await statusesOf(1, { url, headers: { "x-from": "203.0.113.9" } }), [200]);
  const refused = await app.inject({ url });
  assert.equal(errorResponseSchema.parse(refused.json()).error_code, "RATE_LIMITED");
  assert.ok(Number(refused.headers["retry-after"]) > 900, "one flows in every 1,000 seconds");
});

test("each key has so many runs, and a start that fails takes no place", async () => {
  const run = (name: string, headers = {}) =>
    statusesOf(1, { method: "POST", url: "/run", headers: { authorization: name, ...headers } });
  assert.deepEqual(await run("three", { "x-fails": "1" }), [500]);
  assert.deepEqual(await run("three"), [200]);
  assert.deepEqual(await run("three"), [429]);
  assert.deepEqual(await run("four"), [200]);
  over = true;
  assert.deepEqual(await run("four"), [200]);
});

test("a start that fails is none of those that a key has in a minute", async () => {
  over = true;
  const run = (times: number, headers = {}) =>
    statusesOf(times, { method: "POST", url: "/run", headers: { authorization: "five", ...headers } });
  assert.deepEqual(await run(1, { "x-fails": "1" }), [500]);
  assert.deepEqual(await run(2), [200, 200]);
});
