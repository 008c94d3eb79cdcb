import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openSecrets, type SecretSettings } from "@millrace/server/secrets";
import { readSettings } from "@millrace/server/settings";
import { VaultServer } from "./vault-server.ts";

const NOTHING: SecretSettings = {
  secrets_dir: null,
  secrets_url: null,
  secrets_token_file: null,
  secrets_ttl: 60,
  env_allow: null,
};

const folder = mkdtempSync(join(tmpdir(), "millrace-secrets-"));
after(() => rmSync(folder, { recursive: true, force: true }));

let folders = 0;

/** A folder with these files, that nobody else may read. */
function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  folders += 1;
  const path = join(folder, String(folders));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(path, name, ".."), { recursive: true });
    writeFileSync(join(path, name), content, { mode: 0o600 });
  }
  return path;
}

function open(settings: Partial<SecretSettings>, env: Record<string, string> = {}, restricted = false) {
  const warnings: string[] = [];
  return {
    secrets: openSecrets({ ...NOTHING, ...settings }, env, restricted, (text) => warnings.push(text)),
    warnings,
  };
}

/** A secret's value, or the problem with it. */
async function look(secrets: ReturnType<typeof openSecrets>, name: string, project?: string): Promise<string> {
  const looked = await secrets.one(name, project);
  return "value" in looked ? looked.value : looked.problem;
}

test("each project has its own secrets and those that are shared, from the environment, files and the vault", async () => {
  await using vault = await VaultServer.start();
  vault.entries.set("default", { V: "default-v", E: "not this one", N: 7 });
  vault.entries.set("my-team", { V: "team-v" });
  vault.entries.set("_shared", { V: "shared-v", ONLY_SHARED: "vault-shared" });
  const { secrets } = open(
    {
      secrets_dir: folderOf({
        F: "default-f\n",
        "default/G": "default-g\r\n",
        G: "not this one",
        "my-team/F": "team-f",
        "_shared/S": "shared-s\n\n",
      }),
      secrets_url: vault.url,
    },
    {
      MILLRACE_SECRETS_TOKEN: vault.token,
      MILLRACE_SECRET_E: "default-e",
      MILLRACE_SECRET_MY_TEAM__E: "team-e",
      MILLRACE_SHARED_SECRET_E: "shared-e",
    },
  );
  const found = async (names: string[], project?: string) =>
    Object.fromEntries(await Promise.all(names.map(async (name) => [name, await look(secrets, name, project)])));
  assert.deepEqual(await found(["E", "F", "G", "V", "N", "S", "ONLY_SHARED", "NO"]), {
    ...{ E: "default-e", F: "default-f", G: "default-g", V: "default-v", N: "7" },
    ...{ S: "shared-s\n", ONLY_SHARED: "vault-shared", NO: "unset" },
  });
  assert.deepEqual(await found(["E", "F", "G", "V", "S"], "my-team"), {
    ...{ E: "team-e", F: "team-f", G: "unset", V: "team-v", S: "shared-s\n" },
  });
  assert.deepEqual(await found(["E", "F", "V"], "other"), { E: "shared-e", F: "unset", V: "shared-v" });
});

test("no name of a secret and no name of a project leads to what is another's", async () => {
  const env = {
    MILLRACE_SECRET_TEAM__KEY: "team-key",
    MILLRACE_SECRET_A___B: "ambiguous",
    MILLRACE_SECRETS_TOKEN: "the service's own",
    MILLRACE_DATABASE_URL: "postgres://own",
  };
  const path = folderOf({ "team/KEY": "team-file", "_shared/S": "s" });
  writeFileSync(join(folder, "OUTSIDE"), "outside");
  const { secrets } = open({ secrets_dir: path }, env);
  for (const [name, project] of [
    ["TEAM__KEY", undefined],
    ["A___B", undefined],
    ["KEY", undefined],
    ["team", undefined],
    ["_B", "a"],
    ["B", "a_"],
    ["KEY", "Team"],
    ["KEY", "TEAM"],
    ["OUTSIDE", ".."],
    ["OUTSIDE", "."],
    ["KEY", "../team"],
    ["KEY", "_shared/../team"],
    ["S", "_shared/x"],
    ["S_TOKEN", undefined],
  ] as const) {
    assert.equal(await look(secrets, name, project), project === "_shared/x" ? "s" : "unset", `${name} of ${project}`);
  }
  assert.equal(await look(secrets, "KEY", "team"), "team-key");
});

test("a file that is changed is read anew, one that cannot be read is no missing one, and open ones are warned of", async () => {
  const path = folderOf({ A: "one", BIG: "x".repeat(70_000), BINARY: new Uint8Array([0xff, 0xfe, 0x00]) });
  const { secrets, warnings } = open({ secrets_dir: path }, { MILLRACE_SHARED_SECRET_BIG: "not in its place" });
  assert.equal(await look(secrets, "A"), "one");
  assert.equal(await secrets.areStill(new Map([["A", "one"]])), true);
  // As Kubernetes does it: a link that leads elsewhere from one moment to the next.
  writeFileSync(join(path, "..next"), "two\n", { mode: 0o600 });
  rmSync(join(path, "A"));
  symlinkSync("..next", join(path, "A"));
  assert.equal(await secrets.areStill(new Map([["A", "one"]])), false);
  assert.equal(await look(secrets, "A"), "two");
  assert.equal(secrets.health(), null);
  assert.equal(await look(secrets, "BIG"), "away");
  assert.equal(await look(secrets, "BINARY"), "away");
  assert.equal(secrets.health()?.status, "degraded");
  assert.deepEqual(warnings, []);
  chmodSync(join(path, "..next"), 0o644);
  await look(secrets, "A");
  await look(secrets, "A");
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /every user of this machine may read A\./);
});

test("a vault is asked once for all of a project, again when its answers are old, and not again and again while it is away", async () => {
  await using vault = await VaultServer.start();
  vault.entries.set("default", { A: "1", B: "2" });
  const token = join(folder, "vault-token");
  writeFileSync(token, `${vault.token}\n`);
  const { secrets } = open({ secrets_url: `${vault.url}?namespace=team`, secrets_token_file: token, secrets_ttl: 1 });
  const values = await Promise.all(["A", "B", "A"].map((name) => look(secrets, name)));
  assert.deepEqual(values, ["1", "2", "1"]);
  assert.deepEqual(vault.asked, ["/v1/secret/data/millrace/default in team"]);

  // The token is renewed, and with it the secret.
  vault.token = "another-token-0123456";
  writeFileSync(token, vault.token);
  vault.entries.set("default", { A: "3" });
  while ((await look(secrets, "A")) === "1");
  assert.equal(await look(secrets, "A"), "3");

  for (const mood of ["sealed", "strange", "redirecting"] as const) {
    vault.mood = mood;
    const { secrets: fresh } = open({ secrets_url: vault.url, secrets_token_file: token });
    const before = vault.asked.length;
    const looked = await fresh.one("A");
    assert.ok("problem" in looked && looked.problem === "away", mood);
    assert.match(looked.message, /The secret "A" cannot be had at present: the server of secrets_url /);
    await Promise.all(Array.from({ length: 20 }, () => look(fresh, "A")));
    assert.equal(vault.asked.length, before + 1, "it is left alone for a while");
    assert.equal(fresh.health()?.status, "degraded");
    // What it said last is what those have who knew it before.
    while (vault.asked.length === before + 1) assert.equal(await look(secrets, "A"), "3");
  }
  vault.mood = "well";
  vault.token = "revoked";
  while ((await look(secrets, "A")) === "3");
  const refused = await secrets.one("A");
  assert.ok(
    "problem" in refused && refused.problem === "away" && /refuses the token \(HTTP 403\)/.test(refused.message),
  );
  assert.ok(!refused.message.includes("another-token"), "the server quotes the token, and nobody else does");
});

test("what pipelines may read of the environment is what the operator says", () => {
  const env = {
    REGION: "eu",
    APP_NAME: "app",
    APP_TOKEN: "t",
    OPENAI_API_KEY: "k",
    MILLRACE_DATABASE_URL: "d",
    MILLRACE_SECRET_A: "a",
  };
  const read = (settings: Partial<SecretSettings>, restricted: boolean) => {
    const source = open(settings, env, restricted).secrets.of();
    return Object.keys(env).filter((name) => "value" in source.variable(name));
  };
  assert.deepEqual(read({}, false), ["REGION", "APP_NAME", "APP_TOKEN", "OPENAI_API_KEY"]);
  assert.deepEqual(read({}, true), []);
  for (const restricted of [true, false]) {
    assert.deepEqual(read({ env_allow: ["REGION", "APP_*"] }, restricted), ["REGION", "APP_NAME"]);
    assert.deepEqual(read({ env_allow: ["OPENAI_API_KEY", "APP_TOKEN"] }, restricted), ["APP_TOKEN", "OPENAI_API_KEY"]);
    assert.deepEqual(read({ env_allow: ["MILLRACE_*", "MILLRACE_DATABASE_URL"] }, restricted), []);
  }
  const hidden = open({}, env).secrets.of().variable("MILLRACE_SECRET_A");
  assert.ok("problem" in hidden && hidden.suggestion === "Write ${secret:A}.");
});

test("settings of secrets that cannot be meant are refused, without what may be secret in them", () => {
  const problem = (flags: Record<string, unknown>) => {
    try {
      readSettings({ flags, env: {}, configFile: undefined });
      return null;
    } catch (error) {
      return String(error);
    }
  };
  assert.equal(problem({ secrets_url: "vault+https://vault.example.org/secret/millrace" }), null);
  assert.equal(problem({ secrets_url: "vault+http://127.0.0.1:8200/secret" }), null);
  for (const [flags, why] of [
    [{ secrets_url: "vault+http://vault.example.org/secret" }, /in the clear/],
    [{ secrets_url: "vault+https://hush:hush@vault.example.org/secret" }, /token belongs into/],
    [{ secrets_url: "vault+https://vault.example.org" }, /mount is missing/],
    [{ secrets_url: "https://vault.example.org/secret?hush" }, /expected a URL as vault/],
    [{ secrets_token_file: "token" }, /secrets_url, which is not set/],
    [{ env_allow: "A*B" }, /expected names of variables/],
  ] as const) {
    const said = problem(flags);
    assert.match(said ?? "", why);
    assert.doesNotMatch(said ?? "", /hush/);
  }
});
