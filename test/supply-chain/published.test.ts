import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { dependencies } from "../../scripts/dependencies.ts";

const ROOT = join(import.meta.dirname, "..", "..");

const manifestSchema = z.looseObject({
  name: z.string(),
  private: z.boolean().optional(),
  license: z.string(),
  scripts: z.record(z.string(), z.string()).default({}),
  dependencies: z.record(z.string(), z.string()).default({}),
});

const manifests = [
  "package.json",
  ...readdirSync(join(ROOT, "packages")).map((name) => `packages/${name}/package.json`),
].map((path) => ({ path, ...manifestSchema.parse(JSON.parse(readFileSync(join(ROOT, path), "utf8"))) }));

test("nothing of the workspace is published by mistake: what is published is made, and all else is private", () => {
  for (const { path, private: isPrivate, license } of manifests) {
    assert.equal(isPrivate, true, path);
    assert.equal(license, "Apache-2.0", path);
  }
});

test("no package of ours runs anything where it is installed as a dependency", () => {
  for (const { path, scripts } of manifests) {
    const hooks = Object.keys(scripts).filter((name) =>
      /^(?:pre|post)?install$|^(?:pre|post)(?:pack|publish)$/.test(name),
    );
    assert.deepEqual(hooks, [], path);
  }
});

test("what the service imports is what its packages name: nothing comes in by chance", () => {
  const shipped = new Set(dependencies().flatMap(({ name, use }) => (use === "service" ? [name] : [])));
  for (const { path, name, dependencies: named } of manifests) {
    if (name === "@millrace/dashboard" || path === "package.json") continue;
    for (const each of Object.keys(named)) {
      assert.ok(each.startsWith("@millrace/") || shipped.has(each), `${path}: ${each} is installed with the service`);
    }
  }
});
