import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeNotice } from "../feed/notice.ts";
import { decodeReply, decodeRequest, toError } from "./call-envelopes.ts";
import recorded from "./fixtures/envelopes-v1.json" with { type: "json" };

const bytes = (text: string) => Buffer.from(text, "base64");

/** An envelope with a head that no version of Millrace may have written. */
function withHead(head: unknown, body = ""): Buffer {
  const json = Buffer.from(typeof head === "string" ? head : JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json, Buffer.from(body)]);
}

test("requests and answers as nodes of version 1 send them are read", () => {
  const request = decodeRequest(bytes(recorded.request));
  assert.deepEqual(
    [request.head, request.body.toString()],
    [{ kind: "request", bytes: 9, timeout_ms: 2500 }, "the first"],
  );
  const part = decodeReply(bytes(recorded.part));
  assert.deepEqual([part.head, part.body.toString()], [{ kind: "part", at: 262_144 }, "a part"]);
  assert.deepEqual(decodeReply(bytes(recorded.grant)).head, { kind: "grant", up_to: 1_048_576 });
  const answer = decodeReply(bytes(recorded.answer));
  assert.deepEqual([answer.head, answer.body.toString()], [{ kind: "answer", bytes: 10 }, "the answer"]);
  const { head } = decodeReply(bytes(recorded.error));
  assert.ok(head.kind === "error");
  const { code, message, details } = toError(head);
  assert.deepEqual([code, message, details], ["EXECUTION_MOVED", "Another node has it.", { node: "n1" }]);
});

test("notices as nodes of version 1 send them are read, with and without what was committed", () => {
  const { prev, last, group } = decodeNotice(bytes(recorded.notice));
  assert.deepEqual([prev, last], [40, 48]);
  const ended = {
    kind: "lifecycle",
    executionId: "e1",
    first: 45,
    last: 45,
    lifecycle: { kind: "ended", at: "2026-03-01T12:00:00.000Z", status: "completed" },
  };
  const events = (executionId: string, first: number, end: number, text: string) => ({
    kind: "events",
    executionId,
    first,
    last: end,
    count: end - first + 1,
    frames: Buffer.from(text),
  });
  assert.deepEqual(group?.entries, [
    events("e1", 43, 44, "event: completed\ndata: {}\nid: 43\n\nevent: completed\ndata: {}\nid: 44\n\n"),
    ended,
    events("e2", 48, 48, 'event: completed\ndata: {"ü":1}\nid: 48\n\n'),
  ]);
  assert.deepEqual(group?.objectEntries, [
    events("e1", 41, 42, "event: written\nid: 41\n\nevent: written\nid: 42\n\n"),
    ended,
    events("e2", 46, 47, "event: written\nid: 46\n\nevent: written\nid: 47\n\n"),
  ]);
  assert.deepEqual(decodeNotice(bytes(recorded.largeNotice)), { prev: 40, last: 48, group: null });
});

test("what a newer node of the same version adds is left out", () => {
  const { head } = decodeRequest(withHead({ v: 1, kind: "request", bytes: 0, timeout_ms: 5, priority: "high" }));
  assert.deepEqual(head, { kind: "request", bytes: 0, timeout_ms: 5 });
});

test("an envelope of another version is refused with both versions, and what to do", () => {
  assert.throws(() => decodeRequest(withHead({ v: 2, kind: "request" })), {
    code: "NODE_UNREACHABLE",
    message: /version 2; this node reads version 1\. Bring all nodes of the service to the same version/,
  });
});

test("what is no envelope is refused, however it is broken", () => {
  const broken = [
    Buffer.alloc(0),
    Buffer.from("abc"),
    Buffer.from([255, 255, 255, 255, 1]),
    withHead("no json"),
    withHead("null"),
    withHead({ kind: "request" }),
    withHead({ v: 1, kind: "request", bytes: -1, timeout_ms: 5 }),
    withHead({ v: 1, kind: "grant", up_to: 5 }),
  ];
  for (const data of broken) assert.throws(() => decodeRequest(data), { code: "NODE_UNREACHABLE" });
  assert.throws(() => decodeNotice(withHead({ v: 1, from: "n", prev: 1, last: 2 })), { code: "NODE_UNREACHABLE" });
});

test("a code that only a newer node has arrives as a fault of the node's, and is named", () => {
  const { code, message } = toError({ kind: "error", code: "OF_TOMORROW", message: "It did something new." });
  assert.deepEqual([code, message], ["INTERNAL", "It did something new. (OF_TOMORROW)"]);
});
