import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConditions, rangeCounts } from "./conditions.ts";

const AT = Date.parse("2026-03-01T12:00:00Z");
const VALIDATORS = { etag: '"abc"', lastModified: AT };
const DATE = "Sun, 01 Mar 2026 12:00:00 GMT";
const BEFORE = "Sun, 01 Mar 2026 11:59:59 GMT";

test("a client that has the object is told so, by its tag before its date", () => {
  const outcome = (headers: Record<string, string>) => checkConditions(headers, VALIDATORS);
  for (const tags of ['"abc"', 'W/"abc"', '"x", "abc"', '"x",W/"abc"', "*", ' "abc" '])
    assert.equal(outcome({ "if-none-match": tags }), "not modified", tags);
  for (const tags of ['"ab"', "abc", '"x", "y"', "", '"a,"abc'])
    assert.equal(outcome({ "if-none-match": tags }), "go on", tags);
  assert.equal(outcome({ "if-modified-since": DATE }), "not modified");
  assert.equal(outcome({ "if-modified-since": BEFORE }), "go on");
  assert.equal(outcome({ "if-modified-since": DATE, "if-none-match": '"x"' }), "go on");
  for (const junk of ["yesterday", "", "2026", "0", "NaN"])
    assert.equal(outcome({ "if-modified-since": junk }), "go on");
});

test("a request that is about another state of the object is refused; a weak tag is no state", () => {
  const outcome = (headers: Record<string, string>) => checkConditions(headers, VALIDATORS);
  for (const tags of ['"abc"', "*", '"x", "abc"']) assert.equal(outcome({ "if-match": tags }), "go on", tags);
  for (const tags of ['"x"', 'W/"abc"', ""]) assert.equal(outcome({ "if-match": tags }), "failed", tags);
  assert.equal(outcome({ "if-unmodified-since": BEFORE }), "failed");
  assert.equal(outcome({ "if-unmodified-since": DATE }), "go on");
  assert.equal(outcome({ "if-unmodified-since": BEFORE, "if-match": '"abc"' }), "go on");
  assert.equal(outcome({ "if-match": '"x"', "if-none-match": '"abc"' }), "failed");
});

test("a range counts only for the very object that its client has a part of", () => {
  const counts = (ifRange: string | undefined, now = AT + 60_000) => rangeCounts(ifRange, VALIDATORS, now);
  assert.equal(counts(undefined), true);
  assert.equal(counts('"abc"'), true);
  for (const other of ['"x"', 'W/"abc"', "abc", "", "*", BEFORE]) assert.equal(counts(other), false, other);
  assert.equal(counts(DATE), true);
  assert.equal(counts(DATE, AT + 500), false, "it may have been written twice in that second");
});
