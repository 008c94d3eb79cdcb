import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { decodeEnvelope, encodeEnvelope } from "./envelope.ts";

const schema = z.object({ kind: z.literal("greeting"), text: z.string() });
const MAX = 1_000_000;

test("what a node says arrives as it was, short or long", () => {
  for (const text of ["hello", "é".repeat(100_000)]) {
    const data = encodeEnvelope({ kind: "greeting", text }, MAX);
    assert.deepEqual(decodeEnvelope(data, schema), { kind: "greeting", text });
    assert.ok(data.byteLength < 2_000, "what is long is packed");
  }
});

test("what a newer node says is understood as far as it is known", () => {
  const data = encodeEnvelope({ kind: "greeting", text: "hello", loudness: 11 }, MAX);
  assert.deepEqual(decodeEnvelope(data, schema), { kind: "greeting", text: "hello" });
});

test("another version, another kind, and what is no message are refused, with what to look for", () => {
  const version = encodeEnvelope({ kind: "greeting", text: "hello", v: 2 }, MAX);
  assert.throws(() => decodeEnvelope(version, schema), { code: "SERVICE_UNAVAILABLE", message: /version 2/ });
  const kind = encodeEnvelope({ kind: "farewell" }, MAX);
  assert.throws(() => decodeEnvelope(kind, schema), { code: "SERVICE_UNAVAILABLE", message: /kind/ });
  for (const data of [Buffer.of(), Buffer.from("\0nonsense"), Buffer.from("\x01nonsense")]) {
    assert.throws(() => decodeEnvelope(data, schema), { code: "SERVICE_UNAVAILABLE", message: /not readable/ });
  }
});

test("what would not get through is refused before it is sent", () => {
  assert.throws(() => encodeEnvelope({ text: "hello" }, 10), { code: "PAYLOAD_TOO_LARGE" });
});
