import assert from "node:assert/strict";
import { test } from "node:test";
import { diagnosisSchema } from "@millrace/server";
import { millrace } from "../support/command.ts";
import { privateFolder } from "./diagnosis.ts";

test("the command exits with 0 where nothing is wrong, with 1 for a problem, and for a warning where it is to be strict", async () => {
  using folder = privateFolder();
  const fine = ["doctor", "--port", "0", "--data-dir", folder.path, "--max-subscribers", "10"];
  const [well, json, warned, strict, wrong] = await Promise.all([
    millrace([...fine, "--strict"]),
    millrace([...fine, "--json"]),
    millrace([...fine, "--cors-origins", "*"]),
    millrace([...fine, "--cors-origins", "*", "--strict"]),
    millrace([...fine, "--workers", "none"]),
  ]);
  assert.equal(well.code, 0, well.stdout);
  assert.match(well.stdout, /^ok {7}settings .*\n[\s\S]*\n0 problems, 0 warnings \(Millrace \d/);
  const diagnosis = diagnosisSchema.parse(JSON.parse(json.stdout));
  assert.deepEqual([json.code, diagnosis.status], [0, "ok"]);
  assert.match(warned.stdout, /^warning {2}settings +cors_origins is \*.*\n +→ Name the origins/m);
  assert.deepEqual([warned.code, strict.code, wrong.code], [0, 1, 1]);
  assert.match(wrong.stdout, /^problem {2}settings +--workers: /m);
  for (const { stderr } of [well, json, warned, strict, wrong]) assert.equal(stderr, "");
});
