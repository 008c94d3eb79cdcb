import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { countTokens as countCl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { chunk } from "./chunk.ts";
import { failure, problems, run } from "./testing/run-adapter.ts";

const README = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");

describe("chunk", () => {
  test("cuts by tokens of the named tokenizer, never more than size, and each piece stands where it says", async () => {
    for (const [tokenizer, count] of [
      ["o200k_base", countTokens],
      ["cl100k_base", countCl100k],
    ] as const) {
      for (const overlap of [0, 15]) {
        const pieces = await run(chunk, { size: 60, overlap, tokenizer }, { text: README, path: "README.md" });
        assert.ok(pieces.length > 10);
        let end = 0;
        for (const [place, piece] of pieces.entries()) {
          const { text, start, end: its } = piece;
          assert.ok(typeof text === "string" && typeof start === "number" && typeof its === "number");
          assert.ok(count(text) <= 60, `${count(text)} tokens`);
          assert.equal(README.slice(start, its), text);
          assert.equal(piece.index, place);
          assert.equal(piece.path, "README.md");
          assert.equal(README.slice(end, Math.max(end, start)).trim(), "", "nothing is left out");
          if (overlap === 0) assert.ok(start >= end, "nothing comes twice");
          end = its;
        }
        assert.equal(README.slice(end).trim(), "");
      }
    }
  });

  test("cuts by sentences, with an overlap, by the rules of the language", async () => {
    const text = "One is here. Two is there!  Three, at 3.5 p.m., is late? Four ends.";
    const pieces = await run(chunk, { by: "sentences", size: 2, overlap: 1 }, { text });
    assert.deepEqual(
      pieces.map(({ text: piece, start, end }) => [piece, text.slice(Number(start), Number(end)) === piece]),
      [
        ["One is here. Two is there!", true],
        ["Two is there!  Three, at 3.5 p.m., is late?", true],
        ["Three, at 3.5 p.m., is late? Four ends.", true],
      ],
    );
    const japanese = await run(chunk, { by: "sentences", size: 1, locale: "ja" }, { text: "水車が回る。石が挽く。" });
    assert.deepEqual(
      japanese.map((piece) => piece.text),
      ["水車が回る。", "石が挽く。"],
    );
  });

  test("cuts by characters, between words where it can, and through none of a pair", async () => {
    const pieces = await run(chunk, { by: "characters", size: 10 }, { text: "aaaa bbbb cccc dddd eeee" });
    assert.deepEqual(
      pieces.map((piece) => piece.text),
      ["aaaa bbbb", "cccc dddd", "eeee"],
    );
    const faces = await run(chunk, { by: "characters", size: 3 }, { text: "😀😀😀😀" });
    assert.equal(faces.map((piece) => piece.text).join(""), "😀😀😀😀");
    for (const { text } of faces) assert.ok(String(text).isWellFormed());
  });

  test("a text of nothing but space gives nothing, and one that is not there or too long fails for good", async () => {
    assert.deepEqual(await run(chunk, { size: 5 }, { text: " \n\t" }), []);
    assert.equal((await failure(chunk, { size: 5, field: "body" }, { text: "x" })).code, "TEXT_MISSING");
    assert.equal((await failure(chunk, { size: 5, max_bytes: 10 }, { text: "x".repeat(11) })).code, "TEXT_TOO_LARGE");
    for (const config of [
      {},
      { size: 0 },
      { size: 5, overlap: 5 },
      { size: 5, by: "words" },
      { size: 5, locale: "no such" },
      { size: 5, tokenizer: "x" },
    ])
      assert.notEqual(problems(chunk, config).length, 0, JSON.stringify(config));
  });

  test("signals of the tokenizer's own are text, and a long run without a space is cut as well", async () => {
    const pieces = await run(chunk, { size: 8 }, { text: `<|endoftext|> ${"x".repeat(5_000)}` });
    assert.equal(
      pieces
        .map((piece) => piece.text)
        .join("")
        .replaceAll(" ", ""),
      `<|endoftext|>${"x".repeat(5_000)}`,
    );
  });
});
