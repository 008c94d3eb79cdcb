import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fail } from "./fail.ts";
import { failure, problems, run, runOne } from "./testing/run-adapter.ts";

describe("fail", () => {
  test("fails every message on every attempt, unless it is told otherwise", async () => {
    for (const attempt of [1, 2, 100]) {
      const { code, message } = await failure(fail, {}, {}, { attempt });
      assert.deepEqual([code, message], ["TEST_FAILURE, retryable", "This failure was asked for."]);
    }
  });

  test("fails with the code and message that are asked for, and without another try if so", async () => {
    const config = { code: "NO_DISK", message: "Full.", retryable: false };
    assert.deepEqual(await failure(fail, config), { code: "NO_DISK", message: "Full." });
  });

  test("fails while the attempt is at most `attempts`, then passes the message on", async () => {
    assert.equal((await failure(fail, { attempts: 2 }, {}, { attempt: 2 })).code, "TEST_FAILURE, retryable");
    assert.deepEqual(await runOne(fail, { attempts: 2 }, { a: 1 }, { attempt: 3 }), { a: 1 });
    assert.deepEqual(await runOne(fail, { attempts: 0 }, { a: 1 }), { a: 1 });
  });

  test("fails the messages that `when` is true for alone", async () => {
    assert.equal((await failure(fail, { when: "n > 1" }, { n: 2 })).code, "TEST_FAILURE, retryable");
    for (const when of ["n > 2", "nothing", false]) assert.deepEqual(await runOne(fail, { when }, { n: 2 }), { n: 2 });
  });

  test("hangs for ever with the mode hang, whatever is cancelled", async () => {
    const signal = AbortSignal.timeout(20);
    const hanging = run(fail, { mode: "hang" }, {}, { signal }).then(() => "ended");
    const waited = new Promise((resolve) => setTimeout(resolve, 60, "hangs"));
    assert.equal(await Promise.race([hanging, waited]), "hangs");
  });

  test("ends the process with the mode exit", () => {
    const step = JSON.stringify(join(import.meta.dirname, "fail.ts"));
    const support = JSON.stringify(join(import.meta.dirname, "testing", "run-adapter.ts"));
    const script = `const { fail } = await import(${step}); const { run } = await import(${support});
      await run(fail, { mode: "exit" }); console.log("still here");`;
    const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    assert.deepEqual([status, stdout], [1, ""]);
  });

  test("takes a code in capitals, whole attempts, and the modes that there are", () => {
    for (const config of [{ code: "lower" }, { code: "" }, { attempts: -1 }, { attempts: 0.5 }, { mode: "explode" }])
      assert.equal(problems(fail, config).length, 1, JSON.stringify(config));
  });
});
