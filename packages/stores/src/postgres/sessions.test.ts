import { sessionsConformance } from "../conformance/sessions.ts";
import { overPostgres } from "../support/postgres.ts";
import { openTemporaryStore } from "./temporary-store.ts";

await overPostgres(() => sessionsConformance("PostgreSQL", openTemporaryStore));
