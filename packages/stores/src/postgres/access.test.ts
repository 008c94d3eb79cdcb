import { accessConformance } from "../conformance/access.ts";
import { overPostgres } from "../support/postgres.ts";
import { openTemporaryStore } from "./temporary-store.ts";

await overPostgres(() => accessConformance("PostgreSQL", openTemporaryStore));
