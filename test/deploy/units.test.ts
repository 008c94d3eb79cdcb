import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../docs/pages.ts";
import { skipWithoutTool } from "../support/tool.ts";
import { DEPLOY, read, settingsOf } from "./files.ts";

const units = readdirSync(join(DEPLOY, "systemd")).filter((name) => name.endsWith(".service"));
const skip = skipWithoutTool("systemd-analyze", "SYSTEMD", "--version");

test("systemd: the units are there for nodes that serve and nodes that work, and run commands that there are", () => {
  assert.deepEqual(units, ["millrace-serve.service", "millrace-work.service"]);
  for (const unit of units) {
    const [, program = "", command = ""] = /^ExecStart=(\S+) (\w+)$/m.exec(read(`systemd/${unit}`)) ?? [];
    assert.equal(unit, `millrace-${command}.service`);
    execFileSync(program.replace("/opt/millrace", ROOT), [command, "--help"], { stdio: "ignore" });
  }
});

test("systemd: systemd finds nothing wrong with the units", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-units-"));
  try {
    const paths = units.map((name) => join(folder, name));
    // Where the code is here; nothing else is changed.
    for (const [index, path] of paths.entries()) {
      writeFileSync(path, read(`systemd/${units[index]}`).replaceAll("/opt/millrace", ROOT));
    }
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...paths], { encoding: "utf8" });
    const own = stderr.split("\n").filter((line) => line.includes("millrace"));
    assert.deepEqual([status, own], [0, []]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("systemd: a node that runs by them is shut in, by systemd's own measure", { skip }, () => {
  for (const unit of units) {
    const args = ["security", "--offline=true", "--threshold=25", "--no-pager", join(DEPLOY, "systemd", unit)];
    const { status, stdout } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
    assert.equal(status, 0, stdout);
  }
});

test("systemd: the file with their settings has such that a service takes", () => {
  const lines = read("systemd/millrace.env")
    .split("\n")
    .filter((line) => line.startsWith("MILLRACE_"));
  const settings = settingsOf(Object.fromEntries(lines.map((line) => line.split(/=(.*)/s, 2))));
  assert.match(settings.database_url ?? "", /sslmode=verify-full/);
  assert.match(settings.nats_url ?? "", /^tls:/);
  // Proxies and Prometheus are on other machines, and clients are told apart.
  assert.equal(settings.host, "0.0.0.0");
  assert.match(settings.public_url ?? "", /^https:/);
  assert.equal(settings.trusted_proxies.length, 1);
  assert.match(read("systemd/millrace.env"), /^MILLRACE_ADMIN_KEY=$/m, "no key that everybody has");
});
