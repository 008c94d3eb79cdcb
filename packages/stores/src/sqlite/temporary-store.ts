import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreUnderTest } from "../conformance/store-under-test.ts";
import { openSqliteStore, type SqliteStore } from "./store.ts";

/** A folder that is gone when its scope is left. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "millrace-stores-"));
  return {
    path,
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** An empty SQLite store in a folder of its own, for the suites of `conformance/`. */
export async function openTemporaryStore(): Promise<StoreUnderTest> {
  const folder = temporaryFolder();
  let store: SqliteStore = openSqliteStore(folder.path, { durability: "normal" });
  return {
    get journal() {
      return store.journal;
    },
    get work() {
      return store.work;
    },
    get records() {
      return store.records;
    },
    async reopen() {
      store.close();
      store = openSqliteStore(folder.path, { durability: "normal" });
    },
    async [Symbol.asyncDispose]() {
      store.close();
      folder[Symbol.dispose]();
    },
  };
}
