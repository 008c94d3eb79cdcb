import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { skipWithout } from "../support/proxy-process.ts";
import { skipWithoutTool } from "../support/tool.ts";
import { DEPLOY, ENVIRONMENT, filledIn, read, settingsOf } from "./files.ts";

const compose = z
  .looseObject({
    services: z.record(
      z.string(),
      z.looseObject({
        image: z.string(),
        command: z.array(z.string()).optional(),
        environment: z.record(z.string(), z.string()).optional(),
        stop_grace_period: z.string().optional(),
        read_only: z.boolean().optional(),
      }),
    ),
  })
  .parse(parse(read("compose.yaml"), { merge: true }));

const PATH = process.env.PATH ?? "";

const nodes = Object.entries(compose.services).filter(([, { image }]) => image === "millrace");

test("Compose: the file is one that Compose takes, and it refuses to start without passwords", {
  skip: skipWithoutTool("docker-compose", "COMPOSE", "version"),
}, () => {
  const config = (env: Record<string, string>) =>
    spawnSync("docker-compose", ["-f", join(DEPLOY, "compose.yaml"), "config"], { env, encoding: "utf8" });
  const filled = config({ PATH, ...ENVIRONMENT });
  assert.equal(filled.status, 0, filled.stderr);
  assert.match(filled.stdout, /postgres:\/\/millrace:secret1@postgres:5432\/millrace/);
  assert.notEqual(config({ PATH }).status, 0);
});

test("Compose: there are two nodes that serve and one that works, with settings that a service takes", () => {
  assert.deepEqual(
    nodes.map(([, { command }]) => command),
    [["serve"], ["serve"], ["work"]],
  );
  for (const [name, { environment = {}, stop_grace_period: grace = "", read_only }] of nodes) {
    const own = Object.entries(environment).filter(([variable]) => variable.startsWith("MILLRACE_"));
    const settings = settingsOf(Object.fromEntries(own.map(([variable, value]) => [variable, filledIn(value)])));
    assert.equal(settings.database_url, "postgres://millrace:secret1@postgres:5432/millrace");
    assert.equal(settings.nats_url, "nats://millrace:secret2@nats:4222");
    assert.equal(settings.objects_url, null);
    assert.ok(Number.parseInt(grace, 10) >= settings.shutdown_grace + 10, name);
    assert.equal(read_only, true);
  }
});

test("Compose: the proxy's file is one that Caddy takes, and names the nodes that serve", {
  skip: skipWithout("caddy"),
}, () => {
  execFileSync("caddy", ["validate", "--adapter", "caddyfile", "--config", join(DEPLOY, "Caddyfile")], {
    stdio: "pipe",
  });
  const upstreams = /reverse_proxy ([^{]*)\{/.exec(read("Caddyfile"))?.[1]?.trim().split(" ");
  const serving = nodes.filter(([, { command }]) => command?.[0] === "serve").map(([name]) => `${name}:8000`);
  assert.deepEqual(upstreams, serving);
});
