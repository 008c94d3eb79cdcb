export { FileObjectStore } from "./files/file-object-store.ts";
export type { Durability } from "./sqlite/database.ts";
export { openSqliteStore, type SqliteStore } from "./sqlite/store.ts";
