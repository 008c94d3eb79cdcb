import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";
import { skipWithoutTool } from "../support/tool.ts";
import { read } from "./files.ts";
import { HEALTHCHECK, startNats } from "./nats-server.ts";

const skip = skipWithoutTool("nats-server", "NATS", "-v");

const scaled = z
  .looseObject({
    spec: z.looseObject({
      triggers: z.array(
        z.looseObject({ metadata: z.object({ url: z.string(), valueLocation: z.string(), targetValue: z.string() }) }),
      ),
    }),
  })
  .parse(parse(read("kubernetes/autoscaling/work.yaml")));

/** Says something in NATS's own protocol, and resolves once the server has answered. */
async function say(port: number, subject: string, payload: string): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  const login = JSON.stringify({ user: "millrace", pass: "secret2", verbose: false });
  socket.write(`CONNECT ${login}\r\nSUB answers 1\r\n`);
  socket.write(`PUB ${subject} answers ${Buffer.byteLength(payload)}\r\n${payload}\r\n`);
  let heard = "";
  for await (const chunk of socket) {
    heard += chunk;
    assert.doesNotMatch(heard, /-ERR|"error"/);
    if (/^MSG answers .*\r\n.*\r\n/m.test(heard)) break;
  }
}

/** The value at a path as KEDA takes it (GJSON): names, numbers, and `#(name%"pattern")`. */
function valueAt(json: unknown, path: string): unknown {
  const steps = path.match(/#\([^)]*\)|[^.]+/g) ?? [];
  return steps.reduce((value: unknown, step) => {
    const pattern = /^#\((\w+)%"(.*)"\)$/.exec(step);
    if (pattern === null || !Array.isArray(value)) return Object(value)[step];
    const [, name = "", text = ""] = pattern;
    const expression = new RegExp(`^${text.replaceAll("*", ".*")}$`);
    return value.find((each: unknown) => expression.test(Object(each)[name]));
  }, json);
}

test("NATS as compose.yaml starts it runs, and is found healthy by its check", { skip }, async () => {
  await using nats = await startNats();
  const check = HEALTHCHECK.replace("http://127.0.0.1:8222", nats.monitoring);
  await eventually(async () => assert.equal((await fetch(check)).status, 200));
});

test("the depth of the work queue is where the autoscaler looks for it", { skip }, async () => {
  await using nats = await startNats();
  const [{ metadata } = assert.fail()] = scaled.spec.triggers;
  const url = metadata.url.replace("http://nats:8222", nats.monitoring);
  await eventually(() => fetch(url));
  for (const name of ["other", "millrace_0190b1de-0000-7000-8000-000000000000_tasks"]) {
    const subject = `${name.replaceAll("_", ".")}`;
    const config = JSON.stringify({ name, subjects: [subject], retention: "workqueue", storage: "file" });
    await eventually(() => say(nats.port, `$JS.API.STREAM.CREATE.${name}`, config));
    await say(nats.port, subject, "a task");
    if (name !== "other") await say(nats.port, subject, "another");
  }
  assert.equal(valueAt(await (await fetch(url)).json(), metadata.valueLocation), 2);
});
