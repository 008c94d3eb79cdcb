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

test("secrets are looked up where the service does: in a folder, and in a server, which must be there", async () => {
  using folder = privateFolder();
  const secrets_dir = join(folder.path, "secrets");
  const pipelines = join(folder.path, "pipelines");
  mkdirSync(pipelines);
  writeFileSync(join(pipelines, "secret.yaml"), SECRET);
  const flags = { configs_dir: pipelines, secrets_dir };
  const env = { MILLRACE_SECRETS_DIR: secrets_dir };
  const gone = await examine({ flags: { configs_dir: pipelines }, env });
  found(gone, "secrets", "problem", /secrets_dir cannot be read: ENOENT/);
  mkdirSync(secrets_dir);
  writeFileSync(join(secrets_dir, "API_KEY"), "hunter2hunter2\n", { mode: 0o600 });
  const there = await examine({ flags });
  sound(there, "secrets");
  found(there, "pipelines", "ok", /1 of 1 pipelines .* can be run/);
  assert.doesNotMatch(JSON.stringify(there), /hunter2/);
  const away = await examine({
    flags: { secrets_url: "vault+http://127.0.0.1:1/secret/mill" },
    env: { MILLRACE_SECRETS_TOKEN: "hunter2hunter2" },
  });
  found(away, "secrets", "problem", /The server of secrets_url cannot be reached: /);
  assert.doesNotMatch(JSON.stringify(away), /hunter2/);
});

test("what pipelines may not read of the environment, nor run, once a credential is wanted is told", async () => {
  using folder = privateFolder();
  writeFileSync(join(folder.path, "region.yaml"), SECRET.replace("secret:API_KEY", "env:REGION"));
  const env = { REGION: "eu", MILLRACE_ADMIN_KEY: "0123456789abcdef0123456789abcdef" };
  const flags = { configs_dir: folder.path };
  found(await examine({ flags, env }), "pipelines", "problem", /REGION.*env_allow/);
  found(await examine({ flags: { ...flags, env_allow: "REGION" }, env }), "pipelines", "ok", /1 of 1 pipelines/);
  const code = 'version: "1.0"\nroutes: { main: { adapters: [{ type: ./examples/adapters/shout.ts }] } }\n';
  writeFileSync(join(folder.path, "code.yaml"), `${code}init_message: { route: main }\n`);
  found(await examine({ flags, env }), "pipelines", "problem", /code\.yaml cannot be run: .*adapters_dir alone/);
  found(await examine({ flags, env: { REGION: "eu" } }), "pipelines", "ok", /2 of 2 pipelines/);
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
