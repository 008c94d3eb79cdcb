import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { VaultServer } from "../secrets/vault-server.ts";
import { examine, found, privateFolder, sound } from "./diagnosis.ts";

const CANARY = "canary-of-the-doctor-0123";

const PIPELINE = `
version: "1.0"
routes:
  main: { adapters: [{ type: log, config: { message: "\${secret:FROM_FILE} \${secret:FROM_VAULT}" } }] }
init_message: { route: main }
`;

test("secrets in files and in a vault are found, as the service finds them, and not shown", async () => {
  using folder = privateFolder();
  await using vault = await VaultServer.start();
  vault.entries.set("default", { FROM_VAULT: CANARY });
  const [secrets, configs] = [join(folder.path, "secrets"), join(folder.path, "configs")];
  for (const each of [secrets, configs]) mkdirSync(each);
  writeFileSync(join(secrets, "FROM_FILE"), `${CANARY}\n`, { mode: 0o600 });
  writeFileSync(join(configs, "one.yaml"), PIPELINE);
  const flags = { configs_dir: configs, secrets_dir: secrets, secrets_url: vault.url };
  const env = { MILLRACE_SECRETS_TOKEN: vault.token };
  const whole = await examine({ flags, env });
  found(whole, "pipelines", "ok", /1 of 1 pipelines .* can be run/);
  found(whole, "secrets", "ok", /1 of 1 files in .* can be read/);
  found(whole, "secrets", "ok", /secrets_url answers/);
  sound(whole, "secrets");
  assert.doesNotMatch(JSON.stringify(whole), /canary/);
  const refused = await examine({ flags, env: { MILLRACE_SECRETS_TOKEN: "another" } });
  found(refused, "secrets", "problem", /refuses the token/);
});

test("a folder of secrets that is not there, and files that everybody may read, are told with what to do", async () => {
  using folder = privateFolder();
  found(
    await examine({ flags: { secrets_dir: join(folder.path, "none") } }),
    "secrets",
    "problem",
    /cannot be read: ENOENT/,
  );
  found(await examine({ flags: { secrets_dir: folder.path } }), "secrets", "warning", /no file/);
  mkdirSync(join(folder.path, "crawls"));
  writeFileSync(join(folder.path, "crawls", "TOKEN"), CANARY, { mode: 0o644 });
  const open = await examine({ flags: { secrets_dir: folder.path } });
  found(open, "secrets", "warning", /every user of this machine may read crawls\/TOKEN.*chmod o-r/);
  assert.doesNotMatch(JSON.stringify(open), /canary/);
});
