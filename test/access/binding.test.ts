import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { millrace } from "../support/command.ts";
import { ServiceProcess } from "../support/service-process.ts";

test("a service that others could reach without a credential is refused, with the words to mend it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-binding-"));
  try {
    const serve = (...flags: string[]) => millrace(["serve", "--port", "0", "--data-dir", folder, ...flags]);
    for (const flags of [
      ["--host", "0.0.0.0"],
      ["--host", "::"],
      ["--host", "0.0.0.0", "--access", "off"],
      ["--host", "0.0.0.0", "--access", "on"],
    ]) {
      const { code, stdout, stderr } = await serve(...flags);
      assert.deepEqual([code, stdout], [2, ""], flags.join(" "));
      assert.match(stderr, /will not listen on .*other machines can reach/);
      assert.match(stderr, new RegExp(`millrace keys create admin --scopes admin --data-dir ${folder}`));
    }
    const local = await serve("--access", "on");
    assert.equal(local.code, 2);
    assert.match(local.stderr, /nobody could use the API yet.*millrace keys create/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a service of this machine alone is refused as well where a setting says that a proxy leads others to it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-binding-"));
  try {
    for (const [setting, value] of [
      ["trusted_proxies", "loopback"],
      ["public_url", "https://mill.example"],
      ["allowed_hosts", "mill.example"],
    ] as const) {
      const flag = `--${setting.replace("_", "-")}`;
      const { code, stderr } = await millrace(["serve", "--port", "0", "--data-dir", folder, flag, value]);
      assert.equal(code, 2, setting);
      assert.match(
        stderr,
        new RegExp(`${setting} says that others reach the service.*keys create admin.*--access off`),
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const names = ["--public-url", "http://localhost:9000", "--allowed-hosts", "mill.localhost"];
  await using local = await ServiceProcess.start(names);
  assert.equal((await fetch(`${local.url}/api/v1/executions`)).status, 200, "names of this machine show it to nobody");
  await using keyed = await ServiceProcess.start(["--trusted-proxies", "loopback"], {
    MILLRACE_ADMIN_KEY: "0123456789abcdef0123456789abcdef",
  });
  assert.equal((await fetch(`${keyed.url}/api/v1/executions`)).status, 401);
});

test("with a key, made as the words say, it listens there, and wants the key", async () => {
  await using service = new ServiceProcess(["--host", "0.0.0.0"]);
  const made = await millrace(["keys", "create", "admin", "--scopes", "admin", "--data-dir", service.dataDir]);
  assert.equal(made.code, 0, made.stderr);
  const key = made.stdout.trim();
  await service.start();
  const url = service.url.replace("0.0.0.0", "127.0.0.1");
  assert.equal((await fetch(`${url}/api/v1/executions`)).status, 401);
  const list = await millrace(["keys", "list", "--url", url], { env: { MILLRACE_API_KEY: key } });
  assert.equal(list.code, 0, list.stderr);
  assert.match(list.stdout, /admin.*good/);
  const stranger = await millrace(["configs", "list", "--url", url]);
  assert.equal(stranger.code, 8);
  assert.match(stranger.stderr, /needs a credential/);
  const log = await millrace(["audit", "--action", "key.create", "--url", url], { env: { MILLRACE_API_KEY: key } });
  assert.match(
    log.stdout,
    /the command line +key\.create +[0-9a-f-]{36} +allowed/,
    "the first key is in the audit log",
  );
  const busy = await millrace(["keys", "create", "x", "--scopes", "read", "--data-dir", service.dataDir]);
  assert.equal(busy.code, 6);
  assert.match(busy.stderr, /A service works on .*Ask it for the key/);
});

test("a laptop's service needs none, holds one that is brought to what it may, and wants one once there are keys", async () => {
  await using service = await ServiceProcess.start();
  const { secret } = await service.client.keys.create({ name: "reader", scopes: ["read"] });
  const status = async (key: string | null) =>
    (await fetch(`${service.url}/api/v1/keys`, { headers: key === null ? {} : { authorization: `Bearer ${key}` } }))
      .status;
  assert.deepEqual([await status(null), await status(secret), await status(`${secret}0`)], [200, 403, 401]);
  await service.end("SIGTERM");
  await service.start();
  assert.deepEqual([await status(null), await status(secret)], [401, 403]);
  await service.end("SIGTERM");
  await service.start(["--access", "off"]);
  assert.deepEqual([await status(null), await status(secret)], [200, 403]);
});

test("the end of its last key makes no service one that is open to all: it does not start, and says what to do", async () => {
  await using service = await ServiceProcess.start();
  const { id } = await service.client.keys.create({ name: "only", scopes: ["admin"] });
  await service.client.keys.revoke(id);
  await service.end("SIGTERM");
  const { code, stdout, stderr } = await millrace(["serve", "--port", "0", "--data-dir", service.dataDir]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /Every API key of this service has expired or was revoked.*millrace keys create.*--access off/);
  await service.start(["--access", "off"]);
  assert.equal((await fetch(`${service.url}/api/v1/executions`)).status, 200);
  await service.end("SIGTERM");
  await millrace(["keys", "create", "again", "--scopes", "admin", "--data-dir", service.dataDir]);
  await service.start();
  assert.equal((await fetch(`${service.url}/api/v1/executions`)).status, 401);
});
