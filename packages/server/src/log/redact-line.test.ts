import assert from "node:assert/strict";
import { test } from "node:test";
import { knownSecrets } from "@millrace/engine/redactor";
import { prettyLine } from "./pretty-line.ts";
import { redactLine } from "./redact-line.ts";

test("credentials are taken out of a line, wherever they stand in it", () => {
  const fields = {
    msg: "cannot reach postgres://millrace:canary1@db:5432/x, nats://canary2@broker; GET /events?ticket=canary3&timeout=5",
    headers: { Authorization: "Bearer canary4", cookie: "millrace_session=canary5", "set-cookie": ["a=canary6"] },
    err: {
      message: 'sent "Authorization: Bearer eyCanary7.x.y"',
      stack: "at https://h/?x=1&X-Amz-Signature=canary8 (a.ts)",
    },
    key: "mr_abc123_canary9_x",
    call: "/api/v1/triggers/1/mts_canary10canary10",
    webhook: "whsec_canary11canary11",
    password: 'canary12 "quoted" canary12',
  };
  const line = redactLine(JSON.stringify(fields));
  assert.doesNotMatch(line, /canary/i);
  const read = JSON.parse(line);
  assert.match(read.msg, /^cannot reach postgres:\/\/\*\*\*@db:5432\/x, nats:\/\/\*\*\*@broker; GET .*&timeout=5$/);
  assert.equal(read.key, "mr_abc123_***");
});

test("secrets that the process knows are taken out by their names, with what looks like one", () => {
  knownSecrets.add("SHOP_KEY", 'canary "13" of the shop');
  const line = redactLine(JSON.stringify({ msg: 'it sent canary "13" of the shop to mr_abc123_canary14_x' }));
  assert.equal(JSON.parse(line).msg, "it sent [secret SHOP_KEY] to mr_abc123_***");
});

test("what is no credential stays", () => {
  const line = JSON.stringify({
    msg: "Basic things: https://example.org/a@b?page=2 and a tokenizer of 3 tokens",
    path: "/api/v1/x",
    usage: { input_tokens: 7 },
  });
  assert.equal(redactLine(line), line);
});

test("a line for people has its fields behind it, and moves no cursor", () => {
  const entry = {
    level: 40,
    time: "2026-01-01T12:00:00.123Z",
    msg: "two\nlines \u001b[2Jof it",
    route: "a",
    n: { b: 1 },
  };
  assert.equal(prettyLine(JSON.stringify(entry), false), '12:00:00.123 warn  two lines of it route=a n={"b":1}\n');
  const failed = { level: 50, time: "2026-01-01T12:00:00.123Z", msg: "no", err: { stack: "Error: no\n    at here" } };
  assert.equal(prettyLine(JSON.stringify(failed), false), "12:00:00.123 error no\n    Error: no\n    at here\n");
});

test("however long a line is and whatever is in it, it is looked through in one go", () => {
  const line = JSON.stringify({ msg: `${"a.".repeat(1_000_000)} nats://canary@broker` });
  assert.match(redactLine(line), /nats:\/\/\*\*\*@broker/);
});
