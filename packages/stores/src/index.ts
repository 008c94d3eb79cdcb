export type { BackupSummary } from "./backup/backup-format.ts";
export { restoreBackup } from "./backup/restore-backup.ts";
export { writeBackup } from "./backup/write-backup.ts";
export { SqliteCache } from "./cache/sqlite-cache.ts";
export { FileObjectStore } from "./files/file-object-store.ts";
export { PostgresSearch } from "./postgres-search/postgres-search.ts";
export { SqliteSearch } from "./search-sqlite/sqlite-search.ts";
export { type Durability, unusable } from "./sqlite/database.ts";
export { openSqliteStore, type SqliteStore } from "./sqlite/store.ts";
