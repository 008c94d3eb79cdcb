import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readSettings, type Settings, settingsSchema } from "./settings.ts";

const NONE = { flags: {}, env: {}, configFile: undefined };

/** Runs `use` with a config file. */
function withFile<T>(content: string, use: (file: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "millrace-settings-"));
  try {
    const file = join(folder, "millrace.yaml");
    writeFileSync(file, content);
    return use(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a refusal says, line by line. */
function refusal(sources: Partial<Parameters<typeof readSettings>[0]>): string[] {
  try {
    readSettings({ ...NONE, ...sources });
  } catch (error) {
    assert.ok(error instanceof Error && "code" in error);
    assert.equal(error.code, "SETTING_INVALID");
    return error.message.split("\n");
  }
  assert.fail("it was not refused");
}

test("a flag wins over its variable, that over the config file, that over the default", () => {
  withFile("port: 1001\nhost: file\nlog_level: warn\n", (configFile) => {
    const env = { MILLRACE_PORT: "1002", MILLRACE_HOST: "env", MILLRACE_CONFIG: "elsewhere.yaml" };
    const { settings } = readSettings({ flags: { port: "1003", host: undefined }, env, configFile });
    const { port, host, log_level, data_dir } = settings;
    assert.deepEqual(
      { port, host, log_level, data_dir },
      { port: 1003, host: "env", log_level: "warn", data_dir: "./data" },
    );
    assert.equal(readSettings({ ...NONE, env: { MILLRACE_CONFIG: configFile } }).settings.port, 1001);
  });
});

test("without a word said, the service listens on this machine alone", () => {
  assert.equal(readSettings(NONE).settings.host, "127.0.0.1");
});

test("an empty variable is one that is not set", () => {
  const env = Object.fromEntries(
    ["MILLRACE_CONFIG", ...Object.keys(settingsSchema.shape).map((name) => `MILLRACE_${name.toUpperCase()}`)].map(
      (variable) => [variable, ""],
    ),
  );
  assert.deepEqual(readSettings({ ...NONE, env }), readSettings(NONE));
});

test("every wrong setting is told at once, by the name under which it was given", () => {
  withFile("port: abc\nprot: 1\nretain_events_days: 0\ncors_origins: [https://a.example/]\n", (configFile) => {
    assert.deepEqual(
      refusal({
        configFile,
        env: { MILLRACE_MAX_EXECUTIONS: "1.5" },
        flags: { log_level: "loud", shutdown_grace: "-1" },
      }),
      [
        `${configFile}: there is no setting "prot". Did you mean port?`,
        `port in ${configFile}: expected a port from 0 to 65535, got "abc"`,
        '--shutdown-grace: expected at least 0, got "-1"',
        '--log-level: expected one of trace, debug, info, warn, error, silent, got "loud"',
        `cors_origins in ${configFile}: expected \`*\` or origins as https://example.org, without a path, got ["https://a.example/"]`,
        'MILLRACE_MAX_EXECUTIONS: expected a whole number, got "1.5"',
        `retain_events_days in ${configFile}: expected more than 0, got 0`,
      ],
    );
  });
});

test("a wrong URL is not repeated: it may hold a password", () => {
  const wrong = "mysql://user:hunter2@host/database";
  for (const variable of ["MILLRACE_DATABASE_URL", "MILLRACE_OBJECTS_URL"]) {
    const [line = ""] = refusal({ env: { [variable]: wrong } });
    assert.match(line, new RegExp(`^${variable}: expected a URL as`));
    assert.doesNotMatch(line, /hunter2/);
  }
});

test("what is no number is refused, not counted as one", () => {
  for (const port of ["", " ", "70000", "-1", "80.5", "NaN", "Infinity", true, [], {}, false])
    assert.match(refusal({ flags: { port } })[0] ?? "", /^--port: expected /, JSON.stringify(port));
  for (const port of ["0", "65535", 8000])
    assert.equal(readSettings({ ...NONE, flags: { port } }).settings.port, Number(port));
});

test("a config file that is missing, broken or no mapping is told by its name", () => {
  assert.match(
    refusal({ configFile: "/none/such.yaml" })[0] ?? "",
    /^The config file \/none\/such\.yaml cannot be read: /,
  );
  withFile("port: [", (file) => assert.match(refusal({ configFile: file })[0] ?? "", /cannot be read: .* line 1/));
  withFile("- port", (file) =>
    assert.match(refusal({ configFile: file })[0] ?? "", /must be a mapping of settings\.$/),
  );
  withFile("# nothing yet\n", (file) => assert.equal(readSettings({ ...NONE, configFile: file }).settings.port, 8000));
});

test("a variable that is no setting is told, with the one that was meant, and does no harm", () => {
  const { warnings, settings } = readSettings({
    ...NONE,
    env: { MILLRACE_PROT: "1", MILLRACE_SECRET_KEY: "x", MILLRACE_URL: "http://127.0.0.1", OTHER: "1" },
  });
  assert.deepEqual(warnings, ["MILLRACE_PROT is no setting and is ignored. Did you mean MILLRACE_PORT?"]);
  assert.equal(settings.port, 8000);
});

test("hosts that adapters may ask are written with commas, or as a list, and one that is none is told", () => {
  const hosts = (http_allow_hosts: unknown): Settings["http_allow_hosts"] =>
    readSettings({ ...NONE, flags: { http_allow_hosts } }).settings.http_allow_hosts;
  assert.deepEqual(hosts("localhost, 10.0.0.7:8080"), ["localhost", "10.0.0.7:8080"]);
  assert.deepEqual(hosts(["*.intranet.example.org"]), ["*.intranet.example.org"]);
  assert.throws(() => hosts("http://localhost"), /http-allow-hosts: expected hosts as intranet\.example\.org/);
});

test("several origins are written with commas, or as a list", () => {
  const origins = (cors_origins: unknown): Settings["cors_origins"] =>
    readSettings({ ...NONE, flags: { cors_origins } }).settings.cors_origins;
  assert.deepEqual(origins("https://a.example, http://b.example:8080"), ["https://a.example", "http://b.example:8080"]);
  assert.deepEqual(origins(["*"]), ["*"]);
});

const OIDC = { oidc_issuer: "https://login.example.org", oidc_audience: "millrace", oidc_roles_claim: "roles" };

test("roles are given as a flag, as a list, or as a mapping in the file, and mean the same", () => {
  const expected = [
    { role: "admins", scope: "admin", project: null },
    { role: "a=b", scope: "run", project: "alpha" },
  ];
  const read = (oidc_roles: unknown) => readSettings({ ...NONE, flags: { ...OIDC, oidc_roles } }).settings.oidc_roles;
  assert.deepEqual(read("admins=admin, a=b=run@alpha"), expected);
  assert.deepEqual(read(["admins=admin", "a=b=run@alpha"]), expected);
  assert.deepEqual(read({ admins: "admin", "a=b": ["run@alpha"] }), expected);
});

test("what is wrong with roles is told by the role, and what does not go together, by its settings", () => {
  const refused = (flags: Record<string, unknown>) => refusal({ flags });
  assert.match(
    refused({ ...OIDC, oidc_roles: "admins=all" }).join(),
    /--oidc-roles: .*`run@alpha`, for the role "admins", got "all"/,
  );
  assert.match(refused({ ...OIDC, oidc_roles: "ops=run@A B" }).join(), /for the role "ops", got "run@A B"/);
  assert.match(
    refused({ ...OIDC, oidc_roles: "admins" }).join(),
    /expected role=scope or role=scope@project, got "admins"/,
  );
  assert.match(refused(OIDC).join(), /oidc_roles_claim and oidc_roles go together/);
  assert.match(refused({ oidc_issuer: OIDC.oidc_issuer }).join(), /needs oidc_audience.* or oidc_client_id/);
  assert.match(refused({ oidc_audience: "x" }).join(), /oidc_audience: goes with oidc_issuer/);
  for (const oidc_issuer of [
    "http://login.example.org",
    "login.example.org",
    "https://a:b@login.example.org",
    "https://x/?y",
  ])
    assert.match(refused({ ...OIDC, oidc_roles: "a=read", oidc_issuer }).join(), /expected an https URL/);
  for (const oidc_issuer of ["http://127.0.0.1:8080", "http://localhost:8080/realms/x", "http://[::1]:8080"])
    readSettings({ ...NONE, flags: { ...OIDC, oidc_roles: "a=read", oidc_issuer } });
  const told = refused({ ...OIDC, oidc_roles: "a=read", oidc_client_id: "x", oidc_client_secret: ["s3cret"] }).join();
  assert.match(told, /--oidc-client-secret/);
  assert.doesNotMatch(told, /s3cret/);
});

test("the settings that the guide to single sign-on shows are good ones", () => {
  const guide = readFileSync(join(import.meta.dirname, "../../../docs/guides/single-sign-on.md"), "utf8");
  const blocks = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, block = ""]) => block);
  assert.equal(blocks.length, 3);
  for (const block of blocks)
    withFile(block, (configFile) => {
      const { settings } = readSettings({ ...NONE, configFile });
      assert.ok(settings.oidc_roles.length > 0);
    });
});
