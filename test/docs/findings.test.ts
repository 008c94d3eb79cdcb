import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { findingPages, PAGES } from "../../scripts/generate-findings-docs.ts";

test("every code of a finding has its page, and the pages say what the registry says", async () => {
  const pages = findingPages();
  assert.deepEqual((await readdir(PAGES)).toSorted(), [...pages.keys()].toSorted());
  for (const [file, text] of pages) {
    const written = await readFile(join(PAGES, file), "utf8");
    assert.equal(written, text, `${file} is not current: run node scripts/generate-findings-docs.ts`);
  }
});
