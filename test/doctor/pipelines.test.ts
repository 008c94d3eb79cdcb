import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { examine, found, privateFolder, sound } from "./diagnosis.ts";

const SECRET = `
version: "1.0"
routes:
  main: { adapters: [{ type: log, config: { message: "\${secret:API_KEY}" } }] }
init_message: { route: main }
`;

test("pipelines in a folder that cannot be run are problems, and secrets that have no value are named", async () => {
  using folder = privateFolder();
  writeFileSync(join(folder.path, "secret.yaml"), SECRET);
  writeFileSync(join(folder.path, "broken.yaml"), "version: [");
  const missing = await examine({ flags: { configs_dir: folder.path } });
  found(missing, "pipelines", "problem", /secret\.yaml: The secret "API_KEY" is not set.*MILLRACE_SECRET_API_KEY/);
  found(missing, "pipelines", "problem", /broken\.yaml cannot be run: .*millrace validate/);
  const set = await examine({
    flags: { configs_dir: folder.path },
    env: { MILLRACE_SECRET_API_KEY: "hunter2hunter2" },
  });
  found(set, "pipelines", "ok", /1 of 2 pipelines .* can be run/);
  assert.doesNotMatch(JSON.stringify(set), /hunter2|API_KEY" is not set/);
  const gone = await examine({ flags: { configs_dir: join(folder.path, "none") } });
  found(gone, "pipelines", "problem", /configs_dir cannot be read: ENOENT/);
});

test("adapters of one's own are loaded: one that cannot be is a problem, and names its file", async () => {
  const examples = await examine({ flags: { adapters_dir: "examples/adapters", configs_dir: "examples" } });
  found(examples, "pipelines", "ok", /The adapters in examples\/adapters load/);
  using folder = privateFolder();
  mkdirSync(join(folder.path, "adapters"));
  writeFileSync(join(folder.path, "adapters", "bad.ts"), "export default 1;\n");
  const bad = await examine({ flags: { adapters_dir: join(folder.path, "adapters") } });
  found(bad, "pipelines", "problem", /bad\.ts.*the service does not start with it/);
  sound(await examine(), "pipelines");
});
