import { journalConformance } from "../conformance/journal.ts";
import { overPostgres } from "../support/postgres.ts";
import { openTemporaryStore } from "./temporary-store.ts";

await overPostgres(() => journalConformance("PostgreSQL", openTemporaryStore));
