import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { matchesWildcard } from "./crawl-scope.ts";
import { rulesOf } from "./robots-rules.ts";

/** Which of the paths the robot may fetch. */
function allowed(text: string, robot: string, ...paths: readonly string[]): string[] {
  const rules = rulesOf(text, robot);
  return paths.filter((path) => rules.isAllowed(`https://x.example${path}`));
}

describe("robots.txt (RFC 9309)", () => {
  test("a robot has the groups of its name, all of them; one that is not named has those of all", () => {
    const text = `
      User-agent: One
      User-agent: TWO/1.0
      Disallow: /a # not this

      Sitemap: https://x.example/sitemap.xml
      user-agent:two
      disallow:/b
      User-Agent: *
      Disallow: /`;
    assert.deepEqual(allowed(text, "one", "/a", "/b", "/c"), ["/b", "/c"]);
    assert.deepEqual(allowed(text, "two", "/a", "/b", "/c"), ["/c"]);
    assert.deepEqual(allowed(text, "three", "/a", "/", "/robots.txt"), ["/robots.txt"]);
    assert.deepEqual(allowed("User-agent: other\nDisallow: /", "mine", "/a"), ["/a"]);
    assert.deepEqual(allowed("User-agent: *\nDisallow:", "mine", "/a"), ["/a"]);
    assert.deepEqual(allowed("<html>not one at all", "mine", "/a"), ["/a"]);
  });

  test("the longest rule that matches counts, and of two alike the one that allows", () => {
    const text =
      "User-agent: *\nDisallow: /example/\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\nAllow: /same\nDisallow: /same";
    const paths = ["/example/x", "/example/page/x", "/example/page/disallowed.gif", "/same", "/else"];
    assert.deepEqual(allowed(text, "r", ...paths), ["/example/page/x", "/same", "/else"]);
  });

  test("wildcards and ends of lines", () => {
    const text = "User-agent: *\nDisallow: /*.gif$\nDisallow: /a*b*c\nDisallow: /exact$\nDisallow: *?session=";
    const paths = ["/x.gif", "/x.gif?y", "/a-b-c-d", "/a-c", "/exact", "/exactly", "/p?session=1"];
    assert.deepEqual(allowed(text, "r", ...paths), ["/x.gif?y", "/a-c", "/exactly"]);
  });

  test("escapes and other scripts are compared as what they mean", () => {
    const text = "User-agent: *\nDisallow: /föö\nDisallow: /a%3cd\nDisallow: /%62ar";
    assert.deepEqual(allowed(text, "r", "/f%C3%B6%C3%B6/x", "/a%3Cd", "/bar", "/baz"), ["/baz"]);
  });

  test("a delay is in seconds, and no longer than a minute", () => {
    assert.equal(rulesOf("User-agent: *\nCrawl-delay: 2.5", "r").delayMs, 2500);
    assert.equal(rulesOf("User-agent: *\nCrawl-delay: 86400", "r").delayMs, 60_000);
    for (const value of ["-1", "soon", ""])
      assert.equal(rulesOf(`User-agent: *\nCrawl-delay: ${value}`, "r").delayMs, 0);
  });

  test("rules that are made to take for ever take a moment", { timeout: 20_000 }, () => {
    const line = `Disallow: /${"*a".repeat(8)}${"a".repeat(400)}b\n`;
    const rules = rulesOf(`User-agent: *\n${line.repeat(1100)}`, "r");
    assert.equal(rules.isAllowed(`https://x.example/${"a".repeat(2000)}`), true);
  });

  test("a file that is made to take for ever, or all memory, to read takes a moment", { timeout: 20_000 }, () => {
    const blanks = `User-agent: *\nDisallow: /a${" ".repeat(500_000)}b\nDisallow: /c`;
    assert.deepEqual(allowed(blanks, "r", "/a", "/c"), ["/a"]);
    const names = Array.from({ length: 20_000 }, (_, index) =>
      String(index).replace(/\d/g, (digit) => "abcdefghij".charAt(Number(digit))),
    );
    const text = `${names.map((name) => `User-agent: ${name}\n`).join("")}User-agent: *\n${"Disallow: /x\n".repeat(20_000)}`;
    assert.deepEqual(allowed(text, "abc", "/x", "/y"), ["/y"]);
    assert.deepEqual(allowed(text, "mine", "/x", "/y"), ["/y"]);
  });
});

test("wildcards match any characters, none as well", () => {
  const cases: [string, string, boolean][] = [
    ["*", "", true],
    ["a*c", "ac", true],
    ["a*c", "abcbc", true],
    ["a*c", "abcb", false],
    ["*b*", "abc", true],
    ["", "a", false],
    ["a", "a", true],
    ["https://x/*/y", "https://x/1/2/y", true],
  ];
  for (const [pattern, text, expected] of cases)
    assert.equal(matchesWildcard(pattern, text), expected, `${pattern} ${text}`);
});
