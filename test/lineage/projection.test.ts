import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteStore } from "@millrace/stores";
import { openReadOnly } from "../../packages/stores/src/sqlite/database.ts";
import { SqliteLineageSource } from "../../packages/stores/src/sqlite/lineage-source.ts";
import { lineageSuite } from "./lineage-suite.ts";

lineageSuite("SQLite", async () => {
  const dir = mkdtempSync(join(tmpdir(), "millrace-lineage-store-"));
  const store = openSqliteStore(dir, { durability: "normal" });
  return {
    store,
    openSource: () => new SqliteLineageSource(openReadOnly(dir)),
    async close() {
      store.close();
      rmSync(dir, { recursive: true });
    },
  };
});
