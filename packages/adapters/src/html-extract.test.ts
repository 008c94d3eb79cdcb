import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { htmlExtract } from "./html-extract.ts";
import { failure, runOne } from "./testing/run-adapter.ts";

const SITE = join(import.meta.dirname, "..", "..", "..", "examples", "site");
const page = (name: string) => readFileSync(join(SITE, name), "utf8");
const PARAGRAPH = `<p>${"Words of a paragraph that is long enough to be content. ".repeat(8)}</p>`;
const extract = (html: string, config = {}, payload = {}) => runOne(htmlExtract, config, { html, ...payload });

describe("the content of a page", () => {
  test("is its article, without menus, footers and scripts", async () => {
    const { html, text } = await extract(page("index.html"));
    assert.match(String(text), /^A tide table gives the times .* curve beside it\.$/s);
    assert.match(String(html), /<td>06:12<\/td>/);
    for (const noise of ["Moorings", "Imprint", "console", "never content", "Harbour office"])
      assert.ok(!`${html}${text}`.includes(noise), noise);
  });

  test("is what the selector names, in the order of the page; one that is in another comes once", async () => {
    const html = `<div class=a>One<p class=a>Two</p></div>${PARAGRAPH}<div class=a>Three</div>`;
    const { text } = await extract(html, { selector: ".a" });
    assert.deepEqual(String(text).split(/\n+/), ["One", "Two", "Three"]);
  });

  test("is the whole of a page that has little, and nothing of one that has nothing", async () => {
    assert.equal((await extract("<p>Short")).text, "Short");
    assert.equal((await extract("")).text, "");
    assert.equal((await extract("<html><frameset><frame src=a></frameset></html>")).text, "");
  });

  test("leaves out what is hidden, and keeps the language of code", async () => {
    const { html } = await extract(
      `<article>${PARAGRAPH}<p hidden>secret</p><pre class="language-ts"><code>a &lt; b</code></pre>${PARAGRAPH}</article>`,
    );
    assert.doesNotMatch(String(html), /secret/);
    assert.match(String(html), /<code class="language-ts">a &#x3C; b<\/code>/);
  });
});

describe("what a page says of itself", () => {
  test("is read from its head", async () => {
    const {
      html: _,
      text: __,
      ...rest
    } = await extract(page("index.html"), { base_url: "https://e.example/a/${path}" }, { path: "b" });
    assert.deepEqual(rest, {
      ...{ path: "b", title: "Tide tables", description: "How a tide table is read, and what it leaves out." },
      ...{ canonical_url: "https://e.example/index.html", language: "en", author: "Ada Penrose" },
      published_at: "2026-03-02T08:00:00.000Z",
      links: [{ url: "https://e.example/a/guide/moorings.html", text: "moorings" }],
    });
  });

  test("is read from JSON-LD as well, and is null where it says nothing", async () => {
    const knots = await extract(page("guide/knots.html"));
    assert.deepEqual(
      [knots.title, knots.author, knots.published_at, knots.description],
      ["Three knots that hold", "Ada Penrose", "2026-05-20T04:30:00.000Z", null],
    );
    assert.partialDeepStrictEqual(await extract("<p>x"), {
      ...{ title: null, description: null, canonical_url: null, language: null, author: null, published_at: null },
      links: [],
    });
  });

  test("broken values are none: a date in words, a language that is none, JSON-LD that is no JSON", async () => {
    const found = await extract(
      `<html lang="??"><meta name=date content=yesterday><link rel=canonical href="javascript:x">
       <script type="application/ld+json">{</script>${PARAGRAPH}`,
    );
    assert.deepEqual([found.language, found.published_at, found.canonical_url], [null, null, null]);
  });
});

describe("links", () => {
  const html = `<nav><a href=/menu>Menu</a></nav><article>${PARAGRAPH}
    <a href="../up">Up</a> <a href="../up"><b>again</b></a> <a href="#here">Here</a> <a href="mailto:a@b">Mail</a>
    <a href="http://[bad">Bad</a>${PARAGRAPH}</article>`;
  const urls = async (config: object, payload = {}) => {
    const { links } = await extract(html, config, payload);
    assert.ok(Array.isArray(links));
    return links.map((link) => Object(link).url);
  };

  test("are those of the content, or of the page, each once, against the message's URL", async () => {
    const payload = { url: "https://e.example/a/b/c" };
    assert.deepEqual(await urls({}, payload), ["https://e.example/a/up", "http://[bad"]);
    assert.deepEqual((await urls({ links: "page" }, payload))[0], "https://e.example/menu");
  });

  test("stay as they are where the page's URL is not known; its base element counts", async () => {
    assert.equal((await urls({}))[0], "../up");
    const based = await extract(`<base href="https://b.example/x/">${PARAGRAPH}<p><a href=y>Y</a> ${PARAGRAPH}`);
    assert.deepEqual(based.links, [{ url: "https://b.example/x/y", text: "Y" }]);
  });
});

describe("html_extract refuses", () => {
  const codeOf = async (payload: Parameters<typeof runOne>[2], config = {}) =>
    (await failure(htmlExtract, config, payload)).code;

  test("a message without HTML, and an answer that is no text", async () => {
    assert.equal(await codeOf({}), "HTML_MISSING");
    assert.equal(await codeOf({ body: { a: 1 } }), "HTML_MISSING");
    assert.equal(await codeOf({ body: "AAEC", body_encoding: "base64" }), "HTML_MISSING");
    assert.equal(await codeOf({ html: "<p>" }, { field: "page" }), "HTML_MISSING");
  });

  test("more than max_bytes, and what is nested without end, at once", { timeout: 60_000 }, async () => {
    assert.equal(await codeOf({ html: "<p>é" }, { max_bytes: 4 }), "HTML_TOO_LARGE");
    assert.equal(await codeOf({ html: "<div>".repeat(50_000) }), "HTML_INVALID");
  });

  test("a selector that is none or finds nothing, and a base_url that is none", async () => {
    assert.equal(await codeOf({ html: "<p>" }, { selector: "p[" }), "SELECTOR_INVALID");
    assert.equal(await codeOf({ html: "<p>" }, { selector: "main" }), "CONTENT_MISSING");
    assert.equal(await codeOf({ html: "<p>" }, { base_url: "x" }), "BASE_URL_INVALID");
  });
});
