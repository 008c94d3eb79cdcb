import assert from "node:assert/strict";
import { test } from "node:test";
import type { z } from "zod";
import {
  abortSchema,
  aliveAnswerSchema,
  beginAnswerSchema,
  flowRequestSchema,
  madeAnswerSchema,
  taskSchema,
} from "../remote/flow-request.ts";
import { decodeEnvelope } from "./envelope.ts";
import recorded from "./fixtures/wire-v1.json" with { type: "json" };
import {
  depthsAnswerSchema,
  ownerRequestSchema,
  progressAnswerSchema,
  retryAnswerSchema,
  stopAnswerSchema,
} from "./owner-request.ts";

const bytes = (text: string) => Buffer.from(text, "base64");

/** By the names of the recording: what reads each. */
const SCHEMAS: Readonly<Record<keyof typeof recorded, z.ZodType>> = {
  task: taskSchema,
  begin: flowRequestSchema,
  made: flowRequestSchema,
  done: flowRequestSchema,
  failed: flowRequestSchema,
  returned: flowRequestSchema,
  alive: flowRequestSchema,
  late: flowRequestSchema,
  long: flowRequestSchema,
  beginAnswer: beginAnswerSchema,
  madeAnswer: madeAnswerSchema,
  aliveAnswer: aliveAnswerSchema,
  abort: abortSchema,
  stop: ownerRequestSchema,
  retry: ownerRequestSchema,
  progress: ownerRequestSchema,
  depths: ownerRequestSchema,
  stopAnswer: stopAnswerSchema,
  retryAnswer: retryAnswerSchema,
  progressAnswer: progressAnswerSchema,
  depthsAnswer: depthsAnswerSchema,
};

/** What was sent, by a byte-for-byte reading of the form of version 1. */
function sent(data: Buffer): Record<string, unknown> {
  assert.equal(data[0], 0, "not packed");
  const { v, ...value } = JSON.parse(data.toString("utf8", 1));
  assert.equal(v, 1);
  return value;
}

test("whatever nodes of version 1 say to each other about executions and messages is read as it was said", () => {
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    const data = bytes(recorded[name as keyof typeof recorded]);
    if (name === "long") continue;
    // What the first nodes did not say of models is nothing.
    const expected = name === "failed" ? withoutUsage(sent(data)) : sent(data);
    assert.deepEqual(decodeEnvelope(data, schema), expected, name);
  }
});

test("what is long is read in the form in which version 1 packs it", () => {
  const read = decodeEnvelope(bytes(recorded.long), flowRequestSchema);
  assert.ok(read.kind === "alive");
  assert.deepEqual([read.sessions.length, read.sessions.at(-1)], [2_000, "session-1999"]);
});

test("whatever a newer node of the same version adds, at any depth, is left out", () => {
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    if (name === "long") continue;
    const said = sent(bytes(recorded[name as keyof typeof recorded]));
    const more = JSON.stringify({ v: 1, ...Object(withMore(said)) });
    const data = Buffer.concat([Buffer.of(0), Buffer.from(more)]);
    assert.deepEqual(decodeEnvelope(data, schema), name === "failed" ? withoutUsage(said) : said, name);
  }
});

function withoutUsage(said: Record<string, unknown>): Record<string, unknown> {
  return { ...said, made: { ...Object(said.made), usage: [] } };
}

/** Their names are anything: counts per route, and a payload. */
const FREE = ["emitted", "depths", "payloadMerge"];

/** With a field more in every object. */
function withMore(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withMore);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([name, of]) => [name, FREE.includes(name) ? of : withMore(of)]);
  return { of_tomorrow: { zone: 1 }, ...Object.fromEntries(fields) };
}
