import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Glyphs, layOut } from "./page-layout.ts";

const PAGE = 800;

/** A line of text at a place; letters are half as wide as they are high. */
function at(x: number, y: number, text: string, height = 10): Glyphs {
  return { text, x, y, width: text.length * height * 0.5, height };
}

const texts = (glyphs: readonly Glyphs[]) => layOut(glyphs, PAGE).map(({ text }) => text);

describe("the text of a page", () => {
  test("is read from the top to the bottom, whatever the order in which it is drawn", () => {
    assert.deepEqual(texts([at(50, 688, "second"), at(50, 700, "first"), at(50, 660, "apart")]), [
      "first\nsecond",
      "apart",
    ]);
  });

  test("is read column by column where there are columns, and what spans them before and after", () => {
    const rows = [0, 1, 2, 3, 4];
    const left = rows.map((row) => at(50, 700 - row * 12, `left column line ${row} is long`));
    const right = rows.map((row) => at(300, 700 - row * 12, `right column line ${row} is long`));
    const title = at(50, 750, "A title that spans both of the columns of this page, from edge to edge", 12);
    const [first, second, third] = texts([title, ...rows.flatMap((row) => [left[row] ?? title, right[row] ?? title])]);
    assert.match(first ?? "", /^A title/);
    assert.match(second ?? "", /^left column line 0 is long\nleft .*4 is long$/s);
    assert.match(third ?? "", /^right column line 0 is long\nright .*4 is long$/s);
  });

  test("keeps the cells of a table's row in one line", () => {
    const rows = [0, 1, 2, 3, 4].flatMap((row) => [
      at(50, 700 - row * 12, `${row}`),
      at(300, 700 - row * 12, `${row * 10}`),
    ]);
    assert.deepEqual(texts(rows), ["0  0\n1  10\n2  20\n3  30\n4  40"]);
  });

  test("has a space where pieces of a word's line stand apart, and none where they touch", () => {
    assert.deepEqual(texts([at(50, 700, "mill"), at(70, 700, "race"), at(93, 700, "runs")]), ["millrace runs"]);
  });

  test("says where each paragraph stands, from the upper left", () => {
    assert.deepEqual(layOut([at(50, 700, "word")], PAGE), [{ text: "word", x: 50, y: 90, width: 20, height: 10 }]);
  });
});
