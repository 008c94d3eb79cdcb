export type { BackupSummary } from "./backup/backup-format.ts";
export { restoreBackup } from "./backup/restore-backup.ts";
export { writeBackup } from "./backup/write-backup.ts";
export { FileObjectStore } from "./files/file-object-store.ts";
export type { CommitFeed, CommitPage, CommitSource, CommittedGroup, FeedFactory } from "./postgres/feed.ts";
export { openPostgresStore, type PostgresStore, type PostgresStoreOptions } from "./postgres/store.ts";
export { type Durability, unusable } from "./sqlite/database.ts";
export { openSqliteStore, type SqliteStore } from "./sqlite/store.ts";
