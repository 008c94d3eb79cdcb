import { workQueueConformance } from "../conformance/work-queue.ts";
import { overPostgres } from "../support/postgres.ts";
import { openTemporaryStore } from "./temporary-store.ts";

await overPostgres(() => workQueueConformance("PostgreSQL", openTemporaryStore));
