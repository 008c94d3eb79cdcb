import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { Folder, millrace } from "../support/command.ts";

test("a backup of a service on PostgreSQL is refused with what to use instead, and leaves nothing", async () => {
  using folder = new Folder();
  const env = {
    MILLRACE_DATABASE_URL: "postgres://somebody:secret@127.0.0.1:1/nowhere",
    MILLRACE_NATS_URL: "nats://127.0.0.1:1",
  };
  for (const command of ["backup", "restore"]) {
    const { code, stderr, stdout } = await millrace([command, folder.at("nightly.tar")], { env });
    assert.equal(code, 6, stderr);
    assert.match(stderr, /PostgreSQL.*pg_dump.*pg_restore.*Objects are in the same database/s);
    assert.doesNotMatch(stdout + stderr, /secret|\n +at /);
  }
  assert.equal(existsSync(folder.at("nightly.tar")), false);
  const objects = { ...env, MILLRACE_OBJECTS_URL: "s3://bucket/prefix" };
  const { stderr } = await millrace(["backup", folder.at("nightly.tar")], { env: objects });
  assert.match(stderr, /copy the bucket as well/);
});
