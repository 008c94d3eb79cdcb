import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createClient } from "@millrace/client";
import { DEPLOY, read, settingsOf } from "../deploy/files.ts";
import { MILLRACE } from "../support/millrace-process.ts";
import { S3Server } from "../support/s3-server.ts";
import { openSharedStack, withoutSharedStack } from "../support/shared-stack.ts";
import { blocks, pages, ROOT } from "./pages.ts";

const page = pages().find(({ path }) => path === "docs/many-nodes.md")?.text ?? "";
const [start = "", ...others] = blocks(page, "bash").map(({ code }) => code);

const WRITES = `
version: "1.0"
routes:
  write: { adapters: [{ type: store_write, config: { stage: texts, name: greeting.json } }] }
init_message: { route: write }
`;

/** A folder of commands that stand for others, for the head of PATH. */
function standIns(scripts: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), "millrace-commands-"));
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

test("what docs/many-nodes.md starts a node with is all that it takes: started twice, they are one service", {
  skip: await withoutSharedStack(),
}, async () => {
  await using stack = await openSharedStack();
  await using bucket = await S3Server.start();
  const own: Readonly<Record<string, string>> = {
    "postgres://millrace@db.example.org/millrace": stack.databaseUrl,
    "nats://nats.example.org:4222": stack.env.MILLRACE_NATS_URL ?? "",
    "s3://millrace/objects?endpoint=https://s3.example.org&region=eu-central-1": bucket.url(),
  };
  let script = start;
  for (const [shown, real] of Object.entries(own)) {
    assert.ok(script.includes(shown), shown);
    script = script.replace(shown, real);
  }
  // As it is installed, but for the port: several are on one machine here.
  using commands = standIns({
    millrace: `[ "$1" != serve ] || set -- "$@" --port 0 --log-level warn\nexec ${process.execPath} ${MILLRACE} "$@"`,
  });
  const surroundings = {
    cwd: ROOT,
    env: { ...process.env, ...bucket.environment, PATH: `${commands.folder}:${process.env.PATH}` },
  };
  const bash = (text: string) => ["-euo", "pipefail", "-c", text];
  const apiKey = execFileSync("bash", bash(script.replace(/^millrace serve.*$/m, "")), {
    ...surroundings,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
  assert.match(apiKey, /^mr_/);
  const serving = script.replace(/^millrace keys .*\n/m, "").replace("millrace serve", "exec millrace serve");
  const begin = async () => {
    const child = spawn("bash", bash(serving), { ...surroundings, stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(child.stdout, "data");
    const url = /on (http\S+)/.exec(String(line))?.[1];
    assert.ok(url !== undefined, String(line));
    return {
      url,
      client: createClient({ baseUrl: url, apiKey }),
      async [Symbol.asyncDispose]() {
        const gone = once(child, "exit");
        child.kill("SIGTERM");
        await gone;
      },
    };
  };
  await using one = await begin();
  await using other = await begin();
  const config = await one.client.configs.create({ config_yaml: WRITES, name: "writes" });
  const { id } = await other.client.configs.run(config.id, {});
  assert.equal((await one.client.executions.wait(id, 60)).status, "completed");
  const written = await fetch(`${other.url}/api/v1/storage/objects?execution_id=${id}`, {
    headers: { authorization: `Bearer ${apiKey}` },
  });
  assert.match(await written.text(), /greeting/);
});

test("the other commands of docs/many-nodes.md name files, keys and units that are there", () => {
  using commands = standIns(
    Object.fromEntries(
      ["docker", "kubectl", "systemctl"].map((name) => [name, `printf '%s\\0' ${name} "$@" '' >>"$LOG"`]),
    ),
  );
  const log = join(commands.folder, "log");
  for (const script of others) {
    execFileSync("bash", ["-euo", "pipefail", "-c", script], {
      cwd: ROOT,
      env: { PATH: `${commands.folder}:${process.env.PATH}`, LOG: log },
      stdio: ["ignore", "pipe", "inherit"],
    });
  }
  const called = readFileSync(log, "utf8")
    .split("\0\0")
    .map((call) => call.split("\0").filter((word) => word !== ""));
  const after = (flag: string) =>
    called.flatMap((call) => call.flatMap((word, at) => (word === flag ? [call[at + 1] ?? ""] : [])));
  for (const file of [...after("-f"), ...after("-k")]) assert.ok(existsSync(join(ROOT, file)), file);
  const units = called.filter(([name]) => name === "systemctl").map((call) => call.at(-1));
  assert.deepEqual(units, ["millrace-serve", "millrace-work"]);
  for (const unit of units) assert.ok(existsSync(join(DEPLOY, "systemd", `${unit}.service`)), unit);
  const literals = called.flat().flatMap((word) => /^--from-literal=(\w+)=(.*)$/.exec(word)?.slice(1) ?? []);
  const [database = "", databaseUrl = "", broker = "", brokerUrl = ""] = literals;
  const secret = { [database]: databaseUrl, [broker]: brokerUrl };
  assert.match(settingsOf(secret).nats_url ?? "", /^nats:/);
  const from = called.find(([, verb, kind]) => verb === "create" && kind === "secret")?.[4];
  for (const role of ["serve", "work"]) {
    assert.match(read(`kubernetes/base/${role}.yaml`), new RegExp(`secretRef:\\s+name: ${from}\\b`));
  }
  const image = called.find(([name, verb]) => name === "docker" && verb === "push")?.at(-1);
  assert.equal(after("-t")[0], image);
});
