import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@millrace/protocol";
import { log } from "./log.ts";
import { failure, problems, runOne } from "./testing/run-adapter.ts";

/** The lines that are logged for a message, which goes on as it is. */
async function lines(config: unknown, payload: JsonObject): Promise<string[]> {
  const written: string[] = [];
  assert.equal(await runOne(log, config, payload, { lines: written }), payload);
  return written;
}

describe("log", () => {
  test("writes the payload and passes the message on as it is", async () => {
    assert.deepEqual(await lines({}, { a: ["é"] }), ['info: {"a":["é"]}']);
  });

  test("writes a message of one's own, as loud as it is told", async () => {
    for (const level of ["debug", "info", "warn", "error"])
      assert.deepEqual(await lines({ level, message: "${n} of ${message_id}" }, { n: 3 }), [
        `${level}: 3 of message-1`,
      ]);
    assert.equal(problems(log, { level: "shout" }).length, 1);
  });

  test("shortens a long payload, and cuts no character in two", async () => {
    const [line = ""] = await lines({}, { text: `${"x".repeat(490)}🙂${"x".repeat(1_000_000)}` });
    assert.ok(line.length < 520 && line.endsWith("…") && line.isWellFormed(), line.slice(-20));
  });

  test("a placeholder that selects nothing fails without another try", async () => {
    assert.equal((await failure(log, { message: "${none}" }, {})).code, "EXPRESSION_FAILED");
  });
});
