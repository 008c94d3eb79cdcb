import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { errorResponseSchema, SCOPES, type Scope } from "@millrace/protocol";
import { type Asked, CASES } from "../projects/cases.ts";
import { clientOf, makeThings, nothing, PROJECTS, type Things } from "../projects/two-projects.ts";
import { ADMIN_KEY, KeyedService } from "./keyed-service.ts";

const [MINE, THEIRS] = PROJECTS;

let service: KeyedService;
let mine: Things;
let theirs: Things;
/** By scope, of the project {@link MINE}. */
const keys = new Map<Scope, string>();
/** The scope that each operation asks for, as the API's description says; null: none. */
const asksFor = new Map<string, Scope | null>();
let revoked = "";

before(async () => {
  service = await KeyedService.start();
  [mine, theirs] = [await makeThings(service.url, MINE, ADMIN_KEY), await makeThings(service.url, THEIRS, ADMIN_KEY)];
  for (const scope of SCOPES) keys.set(scope, (await service.key([scope], { project: MINE })).secret);
  const gone = await service.key(["admin"], { project: MINE });
  await service.admin.keys.revoke(gone.id);
  revoked = gone.secret;
  const { paths } = (await service.admin.system.openapi()) as {
    paths: Record<string, Record<string, { security: { bearer?: Scope[] }[] }>>;
  };
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { security }] of Object.entries(methods)) {
      const [scope = null] = security.flatMap(({ bearer = [] }) => bearer);
      asksFor.set(`${method.toUpperCase()} ${path}`, scope);
    }
  }
});

after(() => service[Symbol.asyncDispose]());

/** Requests of an operation about some things. */
function requestsOf(operation: string, things: Things): readonly Asked[] {
  const shown = CASES[operation];
  assert.ok(shown !== undefined, operation);
  if ("hidden" in shown) return shown.hidden(things);
  if ("list" in shown) return shown.list.map((path) => ({ path }));
  const [, path = ""] = operation.split(" ");
  return [{ path: path.replace("{type}", "log") }];
}

/** The status and the error's code of an answer; streams are let go of. */
async function ask(operation: string, key: string | null, { path, body }: Asked) {
  const [method = ""] = operation.split(" ");
  const response = await service.ask(path, key, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  if (response.headers.get("content-type")?.startsWith("text/event-stream") === true) {
    await response.body?.cancel();
    return { status: response.status, code: null };
  }
  const text = await response.text();
  if (response.status < 400 || response.status === 422) return { status: response.status, code: null };
  return { status: response.status, code: errorResponseSchema.parse(JSON.parse(text)).error_code };
}

test("what is open to all is no more than health, logins and URLs that are secrets themselves", () => {
  const open = [...asksFor].filter(([, scope]) => scope === null).map(([operation]) => operation);
  assert.deepEqual(open.sort(), [
    "DELETE /api/v1/session",
    // Says who is logged in, or how to.
    "GET /api/v1/session",
    "GET /health/live",
    "GET /health/ready",
    "POST /api/v1/session",
    "POST /api/v1/triggers/{trigger_id}/{secret}",
  ]);
});

for (const operation of Object.keys(CASES)) {
  test(`${operation}: with each credential, about one's own and another project's`, async () => {
    const needed = asksFor.get(operation);
    assert.ok(needed !== undefined, "the API's description has it");
    if (needed === null) return;
    for (const asked of [...requestsOf(operation, mine), ...requestsOf(operation, theirs)]) {
      for (const wrong of [null, revoked, ADMIN_KEY.slice(1), `mr_${"0".repeat(32)}_${"0".repeat(64)}`]) {
        const { status, code } = await ask(operation, wrong, asked);
        assert.deepEqual([status, code], [401, "UNAUTHENTICATED"], `${wrong} ${asked.path}`);
      }
      for (const scope of SCOPES.slice(0, SCOPES.indexOf(needed))) {
        const { status, code } = await ask(operation, keys.get(scope) ?? "", asked);
        assert.deepEqual([status, code], [403, "FORBIDDEN"], `${scope}: ${asked.path}`);
      }
    }
    const shown = CASES[operation];
    for (const scope of SCOPES.slice(SCOPES.indexOf(needed))) {
      const key = keys.get(scope) ?? "";
      if (shown !== undefined && "hidden" in shown) {
        // What would change one's own things is asked of what nobody has.
        const isSafe = operation.startsWith("GET ");
        for (const asked of requestsOf(operation, theirs)) {
          assert.equal((await ask(operation, key, asked)).status, 404, `${scope}: ${asked.path}`);
        }
        for (const asked of requestsOf(operation, isSafe ? mine : nothing())) {
          const { status, code } = await ask(operation, key, asked);
          assert.ok(isSafe ? status < 400 : status === 404, `${scope}: ${asked.path} ${status} ${code}`);
        }
      } else {
        for (const asked of requestsOf(operation, mine)) {
          const { status } = await ask(operation, key, asked);
          // Of one project, and it is about all of them.
          if (operation === "GET /metrics") assert.equal(status, 403);
          else assert.ok(status !== 401 && status !== 403 && status < 500, `${scope}: ${asked.path} ${status}`);
        }
      }
    }
  });
}

test("nothing of all that has changed what is another project's", async () => {
  const client = clientOf(service.url, THEIRS, ADMIN_KEY);
  const [config, trigger, webhook, key] = [
    await client.configs.get(theirs.config),
    await client.triggers.get(theirs.trigger),
    await client.webhooks.get(theirs.webhook),
    await client.keys.get(theirs.key),
  ];
  assert.deepEqual([config.name, config.version, config.is_active], ["same", 1, true]);
  assert.deepEqual([trigger.enabled, trigger.last_firing, webhook.enabled], [true, null, true]);
  assert.deepEqual([key.revoked_at, key.rotated_to], [null, null]);
  assert.equal((await client.executions.list()).total, 1);
});
