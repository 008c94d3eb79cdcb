import { triggersConformance } from "../conformance/triggers.ts";
import { overPostgres } from "../support/postgres.ts";
import { openTemporaryStore } from "./temporary-store.ts";

await overPostgres(() => triggersConformance("PostgreSQL", openTemporaryStore));
