import { failuresConformance } from "../conformance/failures.ts";
import { overPostgres } from "../support/postgres.ts";
import { openTemporaryStore } from "./temporary-store.ts";

await overPostgres(() => failuresConformance("PostgreSQL", openTemporaryStore));
