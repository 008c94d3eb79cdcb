import { retentionConformance } from "../conformance/retention.ts";
import { overPostgres } from "../support/postgres.ts";
import { openTemporaryStore } from "./temporary-store.ts";

await overPostgres(() => retentionConformance("PostgreSQL", openTemporaryStore));
