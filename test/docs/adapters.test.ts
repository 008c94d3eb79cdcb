import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { builtinAdapters, createAdapterRegistry } from "@millrace/adapters";
import { loadDefinition } from "@millrace/engine";
import { adapterPages } from "../../scripts/adapter-pages.ts";

const ROOT = join(import.meta.dirname, "..", "..");

test("the adapters' pages say what their schemas say", () => {
  for (const [name, text] of adapterPages()) {
    const page = readFileSync(join(ROOT, "docs", "adapters", name), "utf8");
    assert.equal(page, text, `${name} is not current: run node scripts/generate-adapter-docs.ts`);
  }
});

test("every example on the adapters' pages is a pipeline without findings", async () => {
  const adapters = await createAdapterRegistry({ adaptersDir: null, baseDir: ROOT });
  for (const { type, example } of builtinAdapters) {
    assert.ok(example !== undefined, `${type} has no example`);
    const { report } = await loadDefinition(example, { adapters, env: {} });
    assert.deepEqual(report.issues, [], type);
  }
});
