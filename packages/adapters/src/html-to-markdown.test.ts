import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { htmlToMarkdown } from "./html-to-markdown.ts";
import { markdownParse } from "./markdown-parse.ts";
import { failure, runOne } from "./testing/run-adapter.ts";

const convert = async (html: string, payload = {}) => (await runOne(htmlToMarkdown, {}, { html, ...payload })).text;

describe("what html_to_markdown writes", () => {
  test("headings, emphasis, lists and quotations", async () => {
    const html =
      "<h1>A</h1><p>b <em>c</em> <strong>d</strong><ul><li>e<ol><li>f</ol></ul><blockquote>g</blockquote><hr>";
    assert.equal(await convert(html), "# A\n\nb _c_ **d**\n\n- e\n  1. f\n\n> g\n\n---\n");
  });

  test("tables, also such as are left open or hold a pipe", async () => {
    const html = "<table><tr><th>a<th>b|c<tr><td>1<td><code>x</code></table>";
    assert.equal(await convert(html), "| a | b\\|c |\n| - | - |\n| 1 | `x` |\n");
  });

  test("code blocks as they are, with their language, however the page marks it", async () => {
    const marked = [
      '<pre><code class="language-ts">',
      '<pre class="language-ts"><code>',
      '<pre lang="ts"><code>',
      '<pre><code class="hljs ts">',
      '<pre data-lang="ts"><code class="line">',
      '<div class="highlight-source-ts"><pre><code>',
    ];
    for (const start of marked)
      assert.equal(await convert(`${start}a  &lt;\n\n  <b>b</b>\n</code></pre>`), "```ts\na  <\n\n  b\n```\n", start);
    assert.equal(await convert("<pre>plain</pre>"), "```\nplain\n```\n");
    assert.equal(await convert("<pre>```</pre>"), "````\n```\n````\n");
  });

  test("links and pictures against the page's URL; those within the page stay", async () => {
    const html =
      '<p><a href="../x y">a</a> <a href="#b">b</a> <img src="/i.png" alt="c"> <img src="data:image/png;base64,AAAA">';
    const wanted = "[a](https://e.example/x%20y) [b](#b) ![c](https://e.example/i.png)\n";
    assert.equal(await convert(html, { url: "https://e.example/d/e" }), wanted);
    const config = { base_url: "https://e.example/${path}" };
    assert.equal((await runOne(htmlToMarkdown, config, { html, path: "d/e" })).text, wanted);
    assert.match(String(await convert(html)), /^\[a\]\(<\.\.\/x y>\)/);
  });

  test("no scripts, hidden elements and signs that only link to a heading", async () => {
    const html =
      '<script>x</script><style>y</style><h2>A <a href="#a" class="anchor">¶</a></h2><p hidden>z</p><!-- c -->';
    assert.equal(await convert(html), "## A\n");
  });

  test("text that looks like Markdown stays text", async () => {
    const html = "<p># a *b* [c](d) &lt;e&gt;</p>";
    const { headings, links } = await runOne(markdownParse, {}, { text: String(await convert(html)) });
    assert.deepEqual([headings, links], [[], []]);
  });
});

describe("the message of html_to_markdown", () => {
  test("has the Markdown in text, and its HTML no more; the rest stays", async () => {
    assert.deepEqual(await runOne(htmlToMarkdown, {}, { body: "<p>a", status: 200 }), { status: 200, text: "a\n" });
    assert.deepEqual(await runOne(htmlToMarkdown, {}, { text: "<p>a" }), { text: "a\n" });
    assert.deepEqual(await runOne(htmlToMarkdown, { field: "x" }, { x: "<p>a", html: "b" }), {
      html: "b",
      text: "a\n",
    });
    assert.equal(await convert(""), "");
  });

  test("fails without HTML, with more than max_bytes, and with what is nested without end", async () => {
    assert.equal((await failure(htmlToMarkdown, {}, { html: 1 })).code, "HTML_MISSING");
    assert.equal((await failure(htmlToMarkdown, { max_bytes: 3 }, { html: "<p>a" })).code, "HTML_TOO_LARGE");
    assert.equal((await failure(htmlToMarkdown, {}, { html: "<b>".repeat(50_000) })).code, "HTML_INVALID");
  });
});
