import { keptMessagesConformance } from "../conformance/kept-messages.ts";
import { overPostgres } from "../support/postgres.ts";
import { openTemporaryStore } from "./temporary-store.ts";

await overPostgres(() => keptMessagesConformance("PostgreSQL", openTemporaryStore));
