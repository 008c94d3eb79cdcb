import assert from "node:assert/strict";
import { test } from "node:test";
import { readQueryWords } from "./query-words.ts";

test("a character that no database takes in a text separates words, in phrases as well", () => {
  assert.deepEqual(readQueryWords("a\0b"), readQueryWords("a b"));
  assert.deepEqual(readQueryWords('"a\0b"'), readQueryWords('"a b"'));
});
