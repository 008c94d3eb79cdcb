import { recordsConformance } from "../conformance/records.ts";
import { overPostgres } from "../support/postgres.ts";
import { openTemporaryStore } from "./temporary-store.ts";

await overPostgres(() => recordsConformance("PostgreSQL", openTemporaryStore));
