import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { keptExceptions, unexplained } from "../../scripts/audit.ts";
import { type Dependency, dependencies } from "../../scripts/dependencies.ts";
import { licencePage, objection } from "../../scripts/licences.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** Packages that run something when they are installed, and why. */
const INSTALL_SCRIPTS: Readonly<Record<string, string>> = {
  node: "puts the build of Node.js for this machine, a package of its own, beside itself; npm ci --ignore-scripts does without it where there is a Node.js 24 or newer",
};

test("every package has a permissive licence, or is shipped to nobody and explained", () => {
  const all = dependencies();
  assert.ok(all.length > 500);
  assert.deepEqual(
    all.map(objection).filter((each) => each !== null),
    [],
  );
  const mpl: Dependency = { ...(all[0] ?? assert.fail()), name: "axe-core", license: "MPL-2.0", use: "development" };
  assert.equal(objection(mpl), null);
  assert.match(objection({ ...mpl, use: "service" }) ?? "", /axe-core has the licence MPL-2\.0/);
  for (const license of [
    "GPL-3.0-only",
    "MIT AND GPL-3.0-only",
    "MIT GPL-3.0-only",
    "(MIT",
    "SEE LICENSE IN x",
    "NONE",
    "",
  ]) {
    assert.match(objection({ ...mpl, name: "other", license }) ?? "", /which is none of/, license);
  }
  for (const license of ["(MIT OR GPL-3.0-or-later)", "(MIT AND Zlib)", "GPL-3.0-only OR MIT AND (ISC OR X)"]) {
    assert.equal(objection({ ...mpl, name: "other", license }), null, license);
  }
});

test("the page of licences is that of what is installed", () => {
  assert.equal(
    readFileSync(join(ROOT, "docs", "licences.md"), "utf8"),
    licencePage(),
    "docs/licences.md is not current: run npm run docs",
  );
});

test("packages of the pages are told from those that build them", () => {
  const use = new Map(dependencies().map(({ path, use }) => [path, use]));
  for (const [name, expected] of Object.entries({
    fastify: "service",
    pg: "service",
    "@mantine/core": "pages",
    "@xyflow/react": "pages",
    vite: "development",
    lightningcss: "development",
    "@biomejs/biome": "development",
  })) {
    assert.equal(use.get(`node_modules/${name}`), expected, name);
  }
});

test("every package has a strong hash, and comes from the registry alone", () => {
  for (const { path, integrity, resolved } of dependencies()) {
    assert.match(integrity ?? "", /^sha512-/, path);
    // No address stands in the lockfile: whoever installs has it from the registry that they have set.
    assert.equal(resolved, null, path);
  }
});

test("no package runs anything when it is installed, but for those that are allowed to, each with its reason", () => {
  const scripted = dependencies().filter(({ hasInstallScript }) => hasInstallScript);
  assert.deepEqual(
    scripted.map(({ name }) => name),
    Object.keys(INSTALL_SCRIPTS),
  );
  const { allowScripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  assert.deepEqual(Object.keys(allowScripts), Object.keys(INSTALL_SCRIPTS));
});

test("an advisory that nobody has explained fails the audit, as does one whose explanation has run out", () => {
  assert.ok(keptExceptions().length >= 0);
  const advisory = {
    name: "left-pad",
    title: "It pads left",
    url: "https://github.com/advisories/GHSA-2222-3333-4444",
    severity: "high",
  };
  const report = { vulnerabilities: { "left-pad": { via: [advisory] }, other: { via: ["left-pad"] } } };
  const exception = {
    advisory: "GHSA-2222-3333-4444",
    package: "left-pad",
    why: "It is called with texts of our own alone.",
    until: "2027-01-01",
  };
  assert.deepEqual(unexplained(report, [exception], "2026-12-31"), []);
  assert.match(unexplained(report, [], "2026-12-31").join(), /left-pad: It pads left, high/);
  assert.match(unexplained(report, [exception], "2027-01-02").join(), /ran out on 2027-01-01/);
});
