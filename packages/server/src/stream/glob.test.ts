import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { matchesGlob } from "./glob.ts";

test("a path without wildcards is that path, or a folder that it is in", () => {
  for (const glob of ["a", "a/", "a/b", "a/b.json"])
    assert.ok(matchesGlob("a/b.json", glob) === (glob !== "a/b"), glob);
  assert.ok(!matchesGlob("ab", "a"));
  assert.ok(!matchesGlob("a", "a/b"));
});

test("wildcards stand for text within a part, or for any number of parts", () => {
  const fits: readonly (readonly [string, string, boolean])[] = [
    ["a.json", "*.json", true],
    ["b/a.json", "*.json", false],
    ["b/a.json", "**/*.json", true],
    ["a.json", "**/*.json", true],
    ["b/c/a.json", "b/**", true],
    ["b", "b/**", true],
    ["b/c/d/a.json", "b/**/a.json", true],
    ["b/a.json", "b/*/a.json", false],
    ["x1.md", "x?.md", true],
    ["x🏭.md", "x?.md", true],
    ["x.md", "x?.md", false],
    ["a[1].json", "a[1].*", true],
    [".hidden", "*", true],
    ["a/b", "**", true],
  ];
  for (const [path, glob, expected] of fits) assert.equal(matchesGlob(path, glob), expected, `${path} ${glob}`);
});

test("a glob fits what the same regular expression fits", () => {
  const part = fc.string({ unit: fc.constantFrom("a", "b", "."), minLength: 1, maxLength: 4 });
  const pattern = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "b", ".", "*", "?"), minLength: 1, maxLength: 4 }),
    fc.constant("**"),
  );
  const joined = (parts: fc.Arbitrary<string>) =>
    fc.array(parts, { minLength: 1, maxLength: 4 }).map((all) => all.join("/"));
  fc.assert(
    fc.property(joined(part), joined(pattern), (path, glob) => {
      fc.pre(/[*?]/.test(glob));
      // A part of nothing but stars is met as `**` by neither of the two otherwise.
      fc.pre(!glob.split("/").some((each) => /^\*{3,}$/.test(each)));
      const source = glob
        .split("/")
        .map((each) =>
          each === "**"
            ? "(?:[^/]+/)*"
            : `${each.replaceAll(".", "\\.").replaceAll("?", "[^/]").replaceAll(/\*+/g, "[^/]*")}/`,
        )
        .join("");
      assert.equal(matchesGlob(path, glob), new RegExp(`^${source}$`).test(`${path}/`));
    }),
    { numRuns: 2_000 },
  );
});

test("a glob that is made to take for ever takes no time", () => {
  assert.equal(matchesGlob("a".repeat(1_000), `${"*a".repeat(100)}b`), false);
  assert.equal(matchesGlob("a/".repeat(500), `${"**/a/".repeat(50)}b`), false);
});
