import assert from "node:assert/strict";
import { test } from "node:test";
import Fastify from "fastify";
import { ANYONE, type Principal } from "../../access/principal.ts";
import { registerEndpoints } from "../endpoint.ts";
import { toAnswer } from "../errors.ts";
import { metricsEndpoint } from "./metrics-endpoint.ts";

async function askAs(principal: Principal) {
  const app = Fastify();
  app.decorateRequest("principal", { getter: () => principal });
  app.setErrorHandler((error, request, reply) => {
    const { status, body } = toAnswer(error, request.id);
    reply.code(status).send(body);
  });
  registerEndpoints(app, [metricsEndpoint(async () => "things 1\n")]);
  const answer = await app.inject("/metrics");
  await app.close();
  return answer;
}

test("metrics, which are of all projects, are told to nobody who has one alone", async () => {
  const own = await askAs({ ...ANYONE, kind: "key", project: "shop" });
  assert.deepEqual([own.statusCode, own.json().error_code], [403, "FORBIDDEN"]);
  assert.match(own.json().detail, /of all projects.*"shop"/);
  const all = await askAs({ ...ANYONE, kind: "key" });
  assert.deepEqual([all.statusCode, all.body], [200, "things 1\n"]);
});
