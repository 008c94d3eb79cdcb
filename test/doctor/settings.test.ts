import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { examine, found, privateFolder, sound } from "./diagnosis.ts";

test("settings without a fault are named with where they come from, and without their values", async () => {
  using folder = privateFolder();
  const file = join(folder.path, "millrace.yaml");
  writeFileSync(file, "retain_days: 30\n");
  const diagnosis = await examine({
    flags: { data_dir: folder.path },
    env: { MILLRACE_LOG_LEVEL: "warn" },
    configFile: file,
  });
  sound(diagnosis, "settings");
  const { message } = found(diagnosis, "settings", "ok", /--data-dir/);
  assert.match(message, /MILLRACE_LOG_LEVEL/);
  assert.match(message, new RegExp(`retain_days in ${file}`));
});

test("every wrong setting of every source is a problem of its own, and the other checks go on with what can be used", async () => {
  using folder = privateFolder();
  const file = join(folder.path, "millrace.yaml");
  writeFileSync(file, "retain_dayz: 30\nmax_executions: none\n");
  const diagnosis = await examine({
    flags: { workers: "900", data_dir: folder.path },
    env: { MILLRACE_PROT: "9000", MILLRACE_LEASE_SECONDS: "soon" },
    configFile: file,
  });
  found(diagnosis, "settings", "problem", /--workers: expected at most 64, got "900"/);
  found(diagnosis, "settings", "problem", /no setting "retain_dayz"\. Did you mean retain_days\?/);
  found(diagnosis, "settings", "problem", /max_executions in .*: /);
  found(diagnosis, "settings", "problem", /MILLRACE_LEASE_SECONDS/);
  found(diagnosis, "settings", "warning", /MILLRACE_PROT is no setting .* Did you mean MILLRACE_PORT\?/);
  found(diagnosis, "data directory", "ok", new RegExp(folder.path));
  assert.equal(diagnosis.status, "problem");
});

test("settings that contradict each other, and a config file that is not there, are problems", async () => {
  using folder = privateFolder();
  const apart = await examine({ flags: { nats_url: "nats://127.0.0.1:1", data_dir: folder.path } });
  found(apart, "settings", "problem", /nats_url is set and database_url is not/);
  const gone = await examine({ configFile: join(folder.path, "none.yaml"), flags: { data_dir: folder.path } });
  found(gone, "settings", "problem", /none\.yaml cannot be read: .*ENOENT/);
});

test("what is risky is a warning: any origin, ways without TLS, the metadata service, passwords that others can read", async () => {
  using folder = privateFolder();
  const file = join(folder.path, "millrace.yaml");
  writeFileSync(file, "nats_url: nats://user:hunter2hunter2@127.0.0.1:1\n");
  const risky = await examine({
    flags: {
      cors_origins: "*",
      http_allow_hosts: "169.254.169.254",
      // Of a documentation range: nobody is asked, as the URL has no route from here.
      database_url: "postgres://millrace:hunter3hunter3@127.0.0.1:1/millrace",
      objects_url: "s3://bucket?endpoint=http://objects.invalid",
      data_dir: folder.path,
    },
    configFile: file,
  });
  found(risky, "settings", "warning", /cors_origins is \*/);
  found(risky, "settings", "warning", /http_allow_hosts names 169\.254\.169\.254/);
  found(risky, "settings", "warning", /objects_url leads to objects\.invalid without TLS.*https/);
  found(risky, "settings", "warning", /--database-url has a credential in it.*MILLRACE_DATABASE_URL/);
  chmodSync(file, 0o644);
  found(await examine({ configFile: file, flags: { data_dir: folder.path } }), "settings", "warning", /chmod 600/);
  chmodSync(file, 0o600);
  const { findings } = await examine({ configFile: file, flags: { data_dir: folder.path } });
  assert.ok(!findings.some(({ advice }) => advice?.startsWith("chmod 600")), "it is for its owner alone");
  for (const finding of [...risky.findings, ...findings]) {
    assert.doesNotMatch(JSON.stringify(finding), /hunter/, "no password is shown");
  }
});

test("a Node.js that is too old, a time zone that is none, and too few open files are told with what to do", async () => {
  const { checkNode, checkOpenFiles, checkTimeZones } = await import(
    "../../packages/server/src/doctor/runtime-check.ts"
  );
  assert.deepEqual([checkNode("22.1.0").status, checkNode("24.0.0").status], ["problem", "ok"]);
  const [zone] = checkTimeZones("Europe/Berlim", "2026c");
  assert.equal(zone?.status, "warning");
  assert.equal(checkTimeZones("Europe/Berlin", "2026c")[0]?.status, "ok");
  const [few] = checkOpenFiles(1024, 20_000, 1);
  assert.match(
    `${few?.status} ${few?.message} ${few?.advice}`,
    /^warning 1024 .*LimitNOFILE=20256.*max_subscribers to 768/,
  );
  assert.equal(checkOpenFiles(1024, 1_500, 2)[0]?.status, "ok", "workers share them");
  found(await examine({ env: { TZ: "Nowhere/Land" } }), "runtime", "warning", /TZ is "Nowhere\/Land"/);
});
