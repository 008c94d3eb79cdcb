import assert from "node:assert/strict";
import { test } from "node:test";
import { normalizeUrl } from "./crawl-url.ts";
import { decodePage } from "./decode-page.ts";
import { readLinks, readRobotsTag } from "./page-links.ts";

test("names of one page are one name", () => {
  const names = [
    "https://x.example/a/b?x=1&y=2",
    "HTTPS://X.Example:443/a/./c/../b?y=2&x=1#part",
    "https://x.example/%61/b?x=1&y=2&utm_source=mail&gclid=7",
    "https://x.example/a/b;jsessionid=A1?&x=1&y=2&SID=9",
  ];
  assert.deepEqual(new Set(names.map((name) => normalizeUrl(name))), new Set([names[0]]));
  assert.equal(normalizeUrl("?b&a=&lang=de", "https://x.example/p", new Set(["lang"])), "https://x.example/p?a=&b");
  assert.equal(normalizeUrl("/ü%e4"), null);
  assert.equal(normalizeUrl("/ü%e4", "https://x.example"), "https://x.example/%C3%BC%E4");
});

test("what is no page is none: other schemes, credentials, and what endless links make", () => {
  const urls = [
    ...["mailto:a@x.example", "javascript:alert(1)", "ftp://x.example/", "https://user:pass@x.example/", "http://["],
    ...[
      `https://x.example/${"a".repeat(3000)}`,
      `https://x.example/${"a/".repeat(4)}`,
      "https://x.example/b/a/b/a/b/a/b/a",
    ],
  ];
  for (const url of urls) assert.equal(normalizeUrl(url), null, url.slice(0, 80));
});

const resolve = (text: string, base: string) => URL.parse(text, base)?.href ?? null;

test("links are those of anchors, areas, frames, rel=next and refreshing, relative to the base", () => {
  const html = `<base href="/docs/"><a href=" a ">x<a href="#top"><area href="b"><iframe src="c"></iframe>
    <link rel="next" href="d"><link rel="stylesheet" href="no.css"><meta http-equiv="Refresh" content="5; url='e'">
    <a rel="external nofollow" href="no"><link rel="canonical" href="/here"><a><script>"<a href='no'>"</script><!-- <a href="no"> -->`;
  const { links, canonical, noindex } = readLinks(html, "https://x.example/docs/page", "robot", resolve);
  assert.deepEqual(
    links.map((link) => link.replace("https://x.example/docs/", "")),
    ["a", "#top", "b", "c", "d", "e"],
  );
  assert.deepEqual([canonical, noindex], ["https://x.example/here", false]);
});

test("what pages say to robots is meant for all, or for the one that is named", () => {
  const meta = (name: string, content: string) => {
    const { noindex, nofollow } = readLinks(
      `<meta name="${name}" content="${content}">`,
      "https://x.example",
      "robot",
      resolve,
    );
    return [noindex, nofollow];
  };
  assert.deepEqual(meta("robots", "NoIndex, noarchive"), [true, false]);
  assert.deepEqual(meta("Robot", "none"), [true, true]);
  assert.deepEqual(meta("another", "none"), [false, false]);
  const tag = (header: string | null) => Object.values(readRobotsTag(header, "robot"));
  assert.deepEqual(tag("noindex, nofollow"), [true, true]);
  assert.deepEqual(tag("another: noindex, robot: nofollow"), [false, true]);
  assert.deepEqual(tag("unavailable_after: 25 Jun 2026 15:00:00 PST, noindex"), [true, false]);
  assert.deepEqual(tag(null), [false, false]);
});

test("a page is read in the encoding that it is in", () => {
  const text = (bytes: string | Buffer, type: string) =>
    decodePage(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes, type);
  assert.equal(text("caf\xe9", "text/html;charset=ISO-8859-1"), "café");
  assert.equal(
    text('<meta http-equiv="content-type" content="text/html; charset=koi8-r">\xc1', "text/html").at(-1),
    "а",
  );
  assert.equal(text(Buffer.from("\uFEFFü"), "text/html; charset=latin1"), "ü");
  assert.equal(text(Buffer.from("ü"), "text/html"), "ü");
  assert.equal(text("\xfc", "text/html"), "ü", "neither said nor UTF-8");
  assert.equal(text(Buffer.from("ü"), "text/html; charset=none-such"), "ü");
});
