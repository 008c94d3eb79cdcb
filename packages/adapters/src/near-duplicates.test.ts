import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../../test/support/random.ts";
import { NearDuplicates, signatureOf } from "./near-duplicates.ts";

/** Two texts of which so much is the same, and how alike they are in truth: by sets of three words in a row. */
function pair(
  next: () => number,
  changed: number,
): { readonly a: string; readonly b: string; readonly jaccard: number } {
  const words = Array.from({ length: 300 }, () => `w${Math.floor(next() * 5_000)}`);
  const others = words.map((word, index) => (index % 100 < changed ? `x${Math.floor(next() * 5_000)}` : word));
  const shingles = (list: string[]) => new Set(list.slice(2).map((word, at) => `${list[at]} ${list[at + 1]} ${word}`));
  const ofA = shingles(words);
  const ofB = shingles(others);
  const both = [...ofA].filter((each) => ofB.has(each)).length;
  return { a: words.join(" "), b: others.join(" "), jaccard: both / (ofA.size + ofB.size - both) };
}

const signature = (text: string) => signatureOf(text) ?? new Uint32Array();

test("texts clearly more alike than the threshold are found, and those clearly less are not", () => {
  const seeded = new Random(7);
  const next = () => seeded.next();
  for (const threshold of [0.5, 0.8, 0.9]) {
    const wrong = { missed: 0, mistaken: 0, above: 0, below: 0 };
    for (let round = 0; round < 400; round += 1) {
      const { a, b, jaccard } = pair(next, round % 60);
      const near = new NearDuplicates(threshold);
      near.add("a", signature(a));
      const found = near.find(signature(b)) !== null;
      if (jaccard > threshold + 0.1) {
        wrong.above += 1;
        if (!found) wrong.missed += 1;
      } else if (jaccard < threshold - 0.12) {
        wrong.below += 1;
        if (found) wrong.mistaken += 1;
      }
    }
    if (threshold < 0.9) assert.ok(wrong.above > 20);
    assert.ok(wrong.below > 50);
    assert.ok(wrong.missed <= wrong.above * 0.02, `${threshold}: missed ${wrong.missed} of ${wrong.above}`);
    assert.ok(
      wrong.mistaken <= wrong.below * 0.01,
      `${threshold}: took ${wrong.mistaken} of ${wrong.below} for the same`,
    );
  }
});

test("of several the one that is most alike is found", () => {
  const seeded = new Random(9);
  const next = () => seeded.next();
  const { a, b } = pair(next, 5);
  const near = new NearDuplicates(0.5);
  near.add("other", signature(pair(next, 0).a));
  near.add("like", signature(b));
  near.add("same", signature(a));
  assert.deepEqual(near.find(signature(a)), { owner: "same", similarity: 1 });
});
