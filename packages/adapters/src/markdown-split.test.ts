import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonObject } from "@millrace/protocol";
import fc from "fast-check";
import { countTokens as countCl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { markdownParse } from "./markdown-parse.ts";
import { markdownSplit } from "./markdown-split.ts";
import { failure, problems, run, runOne } from "./testing/run-adapter.ts";

const cut = (text: string, config: JsonObject = {}) => run(markdownSplit, config, { text });

/** As `path > of > headings: text` each. */
async function sections(text: string, config: JsonObject = {}): Promise<string[]> {
  return (await cut(text, config)).map(({ heading_path: path, text: own }) => `${[path].flat().join(" > ")}: ${own}`);
}

describe("sections", () => {
  test("begin at headings, and know the headings that lead to them", async () => {
    assert.deepEqual(await sections("before\n\n# A\na\n## B\nb\n\nC\n---\nc\n# D\n"), [
      ": before",
      "A: # A\na",
      "A > B: ## B\nb",
      "A > C: C\n---\nc",
      "D: # D",
    ]);
  });

  test("a level may be left out, and a deeper one may come first", async () => {
    assert.deepEqual(await sections("### C\n# A\n### D\n## B\n### E"), [
      "C: ### C",
      "A: # A",
      "A > D: ### D",
      "A > B: ## B",
      "A > B > E: ### E",
    ]);
  });

  test("heading_depth says which headings begin one", async () => {
    const text = "# A\n## B\n### C\n#### D";
    assert.deepEqual(await sections(text), ["A: # A", "A > B: ## B", "A > B > C: ### C\n#### D"]);
    assert.deepEqual(await sections(text, { heading_depth: 1 }), [`A: ${text}`]);
  });

  test("a document without a heading is one section, an empty one is none", async () => {
    assert.deepEqual(await sections("just text\n"), [": just text"]);
    for (const text of ["", " \n\t\n", "\uFEFF", "---\ntitle: x\n---\n"]) assert.deepEqual(await cut(text), []);
  });

  test("what looks like a heading in a code block cuts nothing", async () => {
    assert.deepEqual(await sections("# A\n```sh\n# no\n```\n> # no\n"), ["A: # A\n```sh\n# no\n```\n> # no"]);
  });

  test("are measured by the tokenizer that is named, o200k_base where none is", async () => {
    const text = `# Räder\n\n${"Das Mühlrad dreht sich, wo Wasser über die Schaufeln fällt. ".repeat(40)}`;
    for (const [config, count] of [
      [{}, countTokens],
      [{ tokenizer: "o200k_base" }, countTokens],
      [{ tokenizer: "cl100k_base" }, countCl100k],
    ] as const) {
      const pieces = await cut(text, { max_tokens: 64, ...config });
      assert.ok(pieces.length > 5);
      for (const { text: piece, tokens } of pieces) assert.equal(tokens, count(String(piece)));
      assert.ok(pieces.every(({ tokens }) => Number(tokens) <= 64));
    }
    assert.equal(problems(markdownSplit, { tokenizer: "words" }).length, 1);
  });

  test("front matter is part of none", async () => {
    assert.deepEqual(await sections("\uFEFF---\r\ntitle: x\r\n---\r\nintro\r\n# A\r\n"), [": intro", "A: # A"]);
  });

  test("lines end as the file has them, and the first keeps its indentation", async () => {
    for (const end of ["\n", "\r\n", "\r"])
      assert.deepEqual(await sections(["# A", "a", "# B", "b"].join(end)), [`A: # A${end}a`, `B: # B${end}b`]);
    assert.deepEqual(await sections("\n    code\n    more\n\n# A"), [":     code\n    more", "A: # A"]);
  });

  test("each is numbered and counted, and keeps the rest of the message", async () => {
    const found = await run(markdownSplit, {}, { text: "# A\n# 日本語 🙂", path: "a.md", index: "old" });
    assert.partialDeepStrictEqual(found, [
      { path: "a.md", index: 0, tokens: countTokens("# A") },
      { path: "a.md", index: 1, tokens: countTokens("# 日本語 🙂") },
    ]);
  });

  test("are the same whether the text was parsed before or not, with their own links and code", async () => {
    const text = "---\ntitle: T\n---\n[a](1)\n\n# A\n[b](2)\n\n```\nx\n```\n";
    const parsed = await runOne(markdownParse, {}, { text });
    const after = await run(markdownSplit, {}, parsed);
    const alone = await cut(text);
    assert.deepEqual(
      after.map(({ title: _, ...rest }) => rest),
      alone,
    );
    assert.deepEqual(
      after.map(({ links }) => links),
      [[{ url: "1", text: "a", line: 4 }], [{ url: "2", text: "b", line: 7 }]],
    );
    assert.deepEqual(
      after.map(({ code_blocks: code }) => code),
      [[], [{ lang: null, code: "x", line: 9 }]],
    );
    assert.equal(
      after.some((section) => Object.hasOwn(section, "headings")),
      false,
    );
  });

  test("a section that is cut for its length gives each piece the links and code that begin in it", async () => {
    const part = (n: number) => `[l${n}](${n}) ${"word ".repeat(20)}\n\n\`\`\`\ncode ${n}\n\`\`\``;
    const text = `\n\n${[1, 2, 3].map(part).join("\n\n")}\n\n# A\r\n\r\n${[4, 5].map(part).join("\r\n\r\n")}`;
    for (const overlap of [0, 10]) {
      const found = await run(markdownSplit, { max_tokens: 40, overlap_tokens: overlap }, { text });
      assert.ok(found.length >= 5);
      for (const { text: piece, links, code_blocks: blocks } of found) {
        const all = JSON.stringify([links, blocks]);
        for (const n of [1, 2, 3, 4, 5]) {
          // An overlap begins in the middle of a line, whose link then counts for both pieces.
          if (overlap > 0 && !String(piece).includes(`[l${n}]`)) continue;
          assert.equal(all.includes(`"l${n}"`), String(piece).includes(`[l${n}]`), `link ${n}, ${piece} ${all}`);
          const begins = String(piece).includes(`\`\`\`\ncode ${n}`);
          assert.equal(all.includes(`"code ${n}"`), begins, `code ${n}, ${piece} ${all}`);
        }
      }
    }
  });

  test("headings of another shape in the message are not taken for those of the text", async () => {
    const found = await run(markdownSplit, {}, { text: "# A\n# B", headings: ["x", 1] });
    assert.deepEqual(
      found.map(({ heading_path: path }) => path),
      [["A"], ["B"]],
    );
  });
});

describe("the budget", () => {
  const texts = (text: string, config: JsonObject) =>
    cut(text, config).then((all) => all.map((one) => String(one.text)));

  test("a section that is too long is cut between paragraphs, then lines, sentences and words", async () => {
    const paragraph = "One two three four. Five six seven eight.";
    const two = await texts(`${paragraph}\n\n${paragraph}`, { max_tokens: 12 });
    assert.deepEqual(two, [paragraph, paragraph]);
    assert.deepEqual(await texts("one two three four\nfive six seven eight", { max_tokens: 8 }), [
      "one two three four",
      "five six seven eight",
    ]);
    assert.deepEqual(await texts(paragraph, { max_tokens: 8 }), ["One two three four.", "Five six seven eight."]);
    const words = await texts("word ".repeat(20), { max_tokens: 8 });
    assert.ok(words.length >= 3 && words.every((piece) => /^(word ?)+$/.test(piece)), words.join("|"));
  });

  test("a text without spaces is cut between sentences where it has any, else anywhere", async () => {
    const found = await texts("これは文です。それは少し長い文です。".repeat(7), { max_tokens: 16 });
    assert.ok(found.length > 1 && found.every((piece) => piece.endsWith("。")), found.join("|"));
    const long = await texts("x7Qk".repeat(100), { max_tokens: 8 });
    assert.equal(long.join(""), "x7Qk".repeat(100));
    const emoji = await texts("🦄".repeat(100), { max_tokens: 8 });
    assert.ok(
      emoji.every((piece) => piece.isWellFormed()),
      "no character is cut in two",
    );
  });

  test("a code block that fits stays whole, fenced or indented, in a list or a quotation", async () => {
    const blocks = [
      "```js\na();\n\n```not the end\n\nb();\n```",
      "1. list\n\n   - nested\n\n     ~~~\n     a\n\n     b\n     ~~~",
      "> ```\n> a\n\n> b\n> ```",
      "    indented\n\n    code",
    ];
    for (const block of blocks) {
      const code = block.slice(Math.max(0, block.search(/```|~~~|indented/)));
      // Whatever is before it, and so wherever a budget of its size would cut it.
      for (let words = 1; words < 32; words += 1) {
        const found = await texts(`${"word ".repeat(words)}\n\n${block}\n\n${"word ".repeat(40)}`, { max_tokens: 32 });
        assert.ok(
          found.some((piece) => piece.includes(code)),
          `${words}: ${found.join("\n|\n")}`,
        );
      }
    }
  });

  test("code in a line does not begin a code block", async () => {
    const two = "three four five\nsix seven eight";
    for (const max of [8, 9, 10])
      assert.deepEqual(await texts(`\`\`\`one\`\`\` two\n\n${two}`, { max_tokens: max }), ["```one``` two", two]);
  });

  test("with overlap_tokens, each piece begins with the end of the one before", async () => {
    const words = Array.from({ length: 60 }, (_, index) => `w${index}`).join(" ");
    const found = await texts(words, { max_tokens: 20, overlap_tokens: 6 });
    assert.ok(found.length > 3);
    for (const [index, piece] of found.entries()) {
      const before = found[index - 1];
      if (before === undefined) continue;
      const [first = ""] = piece.split(" ");
      const shared = before.slice(before.lastIndexOf(first));
      assert.ok(piece.startsWith(shared), `${before} | ${piece}`);
      assert.ok(countTokens(shared) <= 6, shared);
    }
    assert.deepEqual(
      await texts("# A\n# B", { max_tokens: 20, overlap_tokens: 6 }),
      ["# A", "# B"],
      "not over headings",
    );
  });

  test("a text without spaces overlaps as well", async () => {
    const [first = "", second = ""] = await texts("春夏秋冬東西南北".repeat(20), { max_tokens: 30, overlap_tokens: 8 });
    assert.ok(first.length > 0 && second.length > 0);
    const all = await texts("春夏秋冬東西南北".repeat(20), { max_tokens: 30, overlap_tokens: 8 });
    assert.ok(all.join("").length > 160, "some of it comes twice");
  });

  test("whatever the text, no piece exceeds it, each stands in the text as it is, and nothing is lost", async () => {
    const word = fc.constantFrom(
      ..."word 日本語 🦄 `code` ```\n \n\n # - . 。 antidisestablishmentarianism é́ \t <|endoftext|> 0123456789 \r\n".split(
        " ",
      ),
      " ",
      "    ",
    );
    const text = fc.array(word, { maxLength: 120 }).map((words) => words.join(""));
    const budget = fc
      .integer({ min: 8, max: 40 })
      .chain((max) => fc.tuple(fc.constant(max), fc.integer({ min: 0, max: max - 1 })));
    await fc.assert(
      fc.asyncProperty(text, budget, async (source, [max, overlap]) => {
        const found = await cut(source, { max_tokens: max, overlap_tokens: overlap });
        for (const { text: piece, tokens } of found) {
          assert.ok(typeof tokens === "number" && tokens <= max, `${tokens} of ${max}: ${JSON.stringify(piece)}`);
          assert.ok(source.includes(String(piece)), JSON.stringify(piece));
        }
        if (overlap > 0) return;
        const dense = (value: string) => value.replace(/\s+/g, "");
        assert.equal(dense(found.map((piece) => piece.text).join("")), dense(source));
      }),
      { numRuns: 300 },
    );
  });

  test("long runs of one character, or of blanks, take no time", { timeout: 60_000 }, async () => {
    for (const run of ["a", " ", "\n", "春"]) {
      const found = await cut(`x${run.repeat(300_000)}y`, { max_tokens: 100_000 });
      assert.ok(found.length >= 1);
    }
  });
});

describe("what it takes", () => {
  test("a message without text fails at once", async () => {
    assert.equal((await failure(markdownSplit, {}, {})).code, "TEXT_MISSING");
  });

  test("a text that is too long to be parsed fails at once; one that was parsed is cut", async () => {
    const text = "# A\n\ntext";
    assert.equal((await failure(markdownSplit, { max_bytes: 5 }, { text })).code, "MARKDOWN_TOO_LARGE");
    const parsed = await runOne(markdownParse, {}, { text });
    assert.equal((await run(markdownSplit, { max_bytes: 5 }, parsed)).length, 1);
  });

  test("overlap_tokens must be less than max_tokens, and a budget must hold something", () => {
    assert.deepEqual(problems(markdownSplit, { max_tokens: 20, overlap_tokens: 20 }), [
      "overlap_tokens: must be less than max_tokens",
    ]);
    assert.equal(problems(markdownSplit, { max_tokens: 7 }).length, 1);
    assert.equal(problems(markdownSplit, { heading_depth: 0 }).length, 1);
    assert.equal(problems(markdownSplit, { heading_depth: 7 }).length, 1);
  });
});
