import assert from "node:assert/strict";
import { test } from "node:test";
import { errorResponseSchema } from "@millrace/protocol";
import { z } from "zod";
import { startTestService } from "./service.ts";

const SLOW = `version: "1.0"
name: slow
routes:
  wait: { adapters: [{ type: delay, config: { seconds: 60 } }] }
init_message: { route: wait }
`;
const withId = z.looseObject({ id: z.string() });

function post(base: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${base}/api/v1${path}`, {
    method: "POST",
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
}

test("over a limit a request is refused with its own status, and says when to try again", async (t) => {
  const service = await startTestService([
    "--max-executions",
    "1",
    "--max-body-bytes",
    "4096",
    "--max-header-bytes",
    "4096",
    "--max-payload-bytes",
    "1000",
  ]);
  t.after(() => service.stop());
  const { base } = service;
  const config = withId.parse(await (await post(base, "/configs", { config_yaml: SLOW })).json());
  const large = await post(base, `/configs/${config.id}/run`, { text: "x".repeat(2000) });
  assert.equal(large.status, 413);
  assert.equal(errorResponseSchema.parse(await large.json()).error_code, "PAYLOAD_TOO_LARGE");
  const running = await post(base, `/configs/${config.id}/run`);
  assert.equal(running.status, 201);
  const more = await post(base, `/configs/${config.id}/run`);
  assert.equal(more.status, 429);
  assert.match(more.headers.get("retry-after") ?? "", /^\d+$/);
  assert.equal(errorResponseSchema.parse(await more.json()).error_code, "TOO_MANY_EXECUTIONS");
  const body = await post(base, "/configs", { config_yaml: "x".repeat(5000) });
  assert.equal(body.status, 413);
  assert.equal(errorResponseSchema.parse(await body.json()).error_code, "PAYLOAD_TOO_LARGE");
  const head = await fetch(`${base}/health/live`, { headers: { x: "x".repeat(5000) } });
  assert.equal(head.status, 431);
  assert.equal(errorResponseSchema.parse(await head.json()).error_code, "HEADERS_TOO_LARGE");
});

test("a client that waits when the service shuts down is told to come back", async (t) => {
  const service = await startTestService(["--max-executions", "2"]);
  t.after(() => service.stop());
  const { base } = service;
  const config = withId.parse(await (await post(base, "/configs", { config_yaml: SLOW })).json());
  const execution = withId.parse(await (await post(base, `/configs/${config.id}/run`)).json());
  const waiting = post(base, `/executions/${execution.id}/wait`);
  // Another request after it has been answered: the first one has been taken by then.
  await (await post(base, `/executions/${execution.id}/wait`, { timeout: 1 })).json();
  await service.stop();
  const answer = await waiting;
  assert.equal(answer.status, 503);
  assert.match(answer.headers.get("retry-after") ?? "", /^\d+$/);
  assert.equal(errorResponseSchema.parse(await answer.json()).error_code, "SERVICE_UNAVAILABLE");
});

test("changes of one config that come at once each become a version of their own", async (t) => {
  const service = await startTestService();
  t.after(() => service.stop());
  const { base } = service;
  const config = withId.parse(await (await post(base, "/configs", { config_yaml: SLOW })).json());
  const url = `${base}/api/v1/configs/${config.id}`;
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      fetch(url, {
        method: "PUT",
        body: JSON.stringify({ description: `change ${index}` }),
        headers: { "content-type": "application/json" },
      }),
    ),
  );
  assert.deepEqual(
    answers.map((each) => each.status),
    Array(8).fill(200),
  );
  const list = z
    .object({ versions: z.array(z.looseObject({ version: z.number() })) })
    .parse(await (await fetch(`${url}/versions`)).json());
  assert.deepEqual(
    list.versions.map((each) => each.version),
    [9, 8, 7, 6, 5, 4, 3, 2, 1],
  );
});
