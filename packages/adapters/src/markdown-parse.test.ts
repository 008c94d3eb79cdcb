import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonValue } from "@millrace/protocol";
import { markdownParse } from "./markdown-parse.ts";
import { failure, runOne } from "./testing/run-adapter.ts";

const parse = (...lines: string[]) => runOne(markdownParse, {}, { text: lines.join("\n") });

/** As `depth text line` each. */
function outline(headings: JsonValue | undefined): string[] {
  assert.ok(Array.isArray(headings));
  return headings.map((heading) => Object.values(Object(heading)).join(" "));
}

describe("headings", () => {
  test("both kinds are found, with their depth and line", async () => {
    const { headings } = await parse("# One", "", "Two", "===", "", "Three", "---", "###### Six ######");
    assert.deepEqual(outline(headings), ["1 One 1", "1 Two 3", "2 Three 6", "6 Six 8"]);
  });

  test("what looks like one in a code block, a comment or after four spaces is none", async () => {
    const { headings } = await parse(
      ...["```sh", "# no", "```", "", "    # no", "", "<!--", "# no", "-->", "", "- a", "", "  ~~~", "  # no", "  ~~~"],
      ...["", "#no", "", "\\# no"],
    );
    assert.deepEqual(headings, []);
  });

  test("those of a quotation or a footnote are not the document's", async () => {
    const { title, headings } = await parse("> # Quoted", "", "a[^1]", "", "[^1]: # Note", "", "## Own");
    assert.deepEqual([title, outline(headings)], ["Own", ["2 Own 7"]]);
  });

  test("their text is one line, without marks, anchors and images' tags", async () => {
    const { headings } = await parse(
      ...['# <a id="x"></a>The *big* `code` [link](u) ![logo](l.png)', "", "Two", "lines", "==="],
    );
    assert.deepEqual(outline(headings), ["1 The big code link logo 1", "1 Two lines 3"]);
  });

  test("lines are counted in files of every system", async () => {
    for (const end of ["\n", "\r\n", "\r"]) {
      const { headings } = await runOne(markdownParse, {}, { text: `# A${end}${end}b${end}# C${end}` });
      assert.deepEqual(outline(headings), ["1 A 1", "1 C 4"], JSON.stringify(end));
    }
  });
});

describe("the title", () => {
  test("is the front matter's, else the first of depth 1, else the first heading, else the file's name", async () => {
    const title = async (text: string, path?: string) =>
      (await runOne(markdownParse, {}, { text, ...(path === undefined ? {} : { path }) })).title;
    assert.equal(await title("---\ntitle: Front\n---\n# One"), "Front");
    assert.equal(await title("---\ntitle: Dots\n...\n# One"), "Dots");
    assert.equal(await title("## Two\n# One"), "One");
    assert.equal(await title("# \n\n### Three\n## Two"), "Three");
    assert.equal(await title("text", "docs/read me.md"), "read me");
    assert.equal(await title("text"), null);
    assert.equal(await title(""), null);
  });

  test("of the front matter is read as YAML", async () => {
    const title = async (...lines: string[]) => (await parse("---", ...lines, "---", "# Heading")).title;
    assert.equal(await title('title: "A \\"quoted\\" title" # comment'), 'A "quoted" title');
    assert.equal(await title("title: >-", "  folded", "  text"), "folded text");
    assert.equal(await title("title: 2024"), "2024");
    assert.equal(await title("author: x", "bad: [", "title: Kept"), "Kept", "whatever is wrong with the rest");
    for (const none of ['title: ""', "title:", "title: [a]", "sub:\n  title: no", "- title"])
      assert.equal(await title(none), "Heading", none);
  });
});

describe("front matter", () => {
  test("is no part of the document, and its lines count", async () => {
    for (const text of ["---\ntitle: x\n---\n# A", "\uFEFF---\r\ntitle: x\r\n---\r\n# A", "---\na: 1\n...\n# A"])
      assert.deepEqual(outline((await runOne(markdownParse, {}, { text })).headings), ["1 A 4"], JSON.stringify(text));
  });

  test("that is empty is front matter; a line across the page at the top is not", async () => {
    assert.deepEqual(outline((await parse("---", "---", "# A")).headings), ["1 A 3"]);
    assert.deepEqual(outline((await parse("---", "", "# A", "", "---", "", "# B")).headings), ["1 A 3", "1 B 7"]);
    assert.deepEqual(outline((await parse("---", "title: never closed", "", "# A")).headings), ["1 A 4"]);
  });
});

describe("links and code blocks", () => {
  test("links of every kind are found in the order of the text", async () => {
    const { links } = await parse(
      ...["[in *line*](a 'title') <https://auto.example> and https://bare.example", "[by name][Ref] [ref] [ref][]"],
      ...["[![badge](b.svg)](c)", "![image](no.png) [undefined][nowhere]", "", "[REF]: d", "[ref]: second"],
    );
    assert.deepEqual(links, [
      { url: "a", text: "in line", line: 1 },
      { url: "https://auto.example", text: "https://auto.example", line: 1 },
      { url: "https://bare.example", text: "https://bare.example", line: 1 },
      { url: "d", text: "by name", line: 2 },
      { url: "d", text: "ref", line: 2 },
      { url: "d", text: "ref", line: 2 },
      { url: "c", text: "badge", line: 3 },
    ]);
  });

  test("code blocks have their language, code and line, also in nested lists", async () => {
    const { code_blocks: blocks } = await parse(
      ...["```ts title=x", "a();", "", "b();", "```", "", "- one", "  - two", "", "    ~~~", "    c", "    ~~~"],
      ...["", "text", "", "    indented"],
    );
    assert.deepEqual(blocks, [
      { lang: "ts", code: "a();\n\nb();", line: 1 },
      { lang: null, code: "c", line: 10 },
      { lang: null, code: "indented", line: 16 },
    ]);
  });
});

describe("what it takes", () => {
  test("the rest of the message stays as it is, and so does the text", async () => {
    const payload = await runOne(markdownParse, {}, { text: "\uFEFF# 日本語\r\n", path: "a.md", n: 1 });
    assert.partialDeepStrictEqual(payload, { text: "\uFEFF# 日本語\r\n", path: "a.md", n: 1, title: "日本語" });
  });

  test("a message without text fails at once", async () => {
    for (const payload of [{}, { text: null }, { text: ["a"] }])
      assert.equal((await failure(markdownParse, {}, payload)).code, "TEXT_MISSING");
  });

  test("a text of max_bytes is parsed, one more byte is too much", async () => {
    assert.equal((await runOne(markdownParse, { max_bytes: 4 }, { text: "# é" })).title, "é");
    const { code, message } = await failure(markdownParse, { max_bytes: 3 }, { text: "# é" });
    assert.deepEqual([code, message], ["MARKDOWN_TOO_LARGE", "The Markdown has 4 bytes; max_bytes is 3."]);
  });

  test("a text that is nested deeply is read, or refused at once, within seconds", { timeout: 60_000 }, async () => {
    const { headings } = await parse(`${"> ".repeat(2_000)}a`, "", "# A");
    assert.deepEqual(outline(headings), ["1 A 3"]);
  });
});
