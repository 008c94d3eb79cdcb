import assert from "node:assert/strict";
import { test } from "node:test";
import type { FoundExecution, ObjectStore } from "../ports.ts";
import { ProjectObjects } from "./project-objects.ts";

const METADATA = { contentType: "text/plain", createdAt: "2026-03-01T12:00:00.000Z" };

/** Objects of `own` and `sister`, which are of one project, and of `foreign`, as `own` reaches them. */
function setUp() {
  const bodies = new Map(
    ["executions/own/r/s/a", "executions/sister/r/s/a", "executions/foreign/r/s/a", "elsewhere/a"].map((key) => [
      key,
      "x",
    ]),
  );
  const beginning = (prefix: string) => [...bodies.keys()].filter((key) => key.startsWith(prefix)).sort();
  const all: ObjectStore = {
    put: async (key) => void bodies.set(key, "y"),
    get: async (key) => (bodies.has(key) ? { body: Buffer.from("x"), metadata: METADATA } : null),
    async *list(prefix) {
      yield* beginning(prefix);
    },
    deleteAll: async (prefix) => beginning(prefix).forEach((key) => void bodies.delete(key)),
    sizeOf: async (prefix) => beginning(prefix).length,
  };
  const looked: string[] = [];
  const findExecution = async (id: string): Promise<FoundExecution | null> => {
    looked.push(id);
    if (id === "tag") return { id: "sister", project: "p", status: "running" };
    return ["own", "sister"].includes(id) ? { id, project: "p", status: "running" } : null;
  };
  return { objects: new ProjectObjects(all, { findExecution }, "own"), bodies, looked };
}

test("a step reads and lists objects of its project's executions alone, and what is nobody's", async () => {
  const { objects, looked } = setUp();
  assert.ok(await objects.get("executions/own/r/s/a"));
  assert.deepEqual(looked, [], "its own are known by their keys");
  assert.ok(await objects.get("executions/sister/r/s/a"));
  assert.ok(await objects.get("executions/sister/r/s/a"));
  assert.deepEqual(looked, ["sister"], "others are looked up once");
  assert.ok(await objects.get("elsewhere/a"));
  assert.equal(await objects.get("executions/foreign/r/s/a"), null);
  assert.equal(await objects.get("executions/tag/r/s/a"), null, "a tag is no folder");
  for (const prefix of ["", "exec", "executions/"])
    assert.deepEqual(
      (await Array.fromAsync(objects.list(prefix))).filter((key) => key.startsWith("executions/")),
      ["executions/own/r/s/a", "executions/sister/r/s/a"],
    );
  assert.deepEqual(await Array.fromAsync(objects.list("executions/foreign/")), []);
  assert.equal(await objects.sizeOf("executions/foreign/r"), 0);
  assert.equal(await objects.sizeOf("executions/sister/"), 1);
});

test("a step writes and removes nothing of another project's executions", async () => {
  const { objects, bodies } = setUp();
  const refused = { code: "OBJECT_NOT_WRITABLE" };
  await assert.rejects(objects.put("executions/foreign/r/s/b", Buffer.from("x"), METADATA), refused);
  for (const prefix of ["executions/foreign/", "executions/", "exec", ""])
    await assert.rejects(objects.deleteAll(prefix), refused, prefix);
  assert.equal(bodies.size, 4);
  await objects.put("executions/own/r/s/b", Buffer.from("x"), METADATA);
  await objects.deleteAll("executions/own/r/s/");
  await objects.deleteAll("executions/sister/");
  assert.deepEqual([...bodies.keys()], ["executions/foreign/r/s/a", "elsewhere/a"]);
});
