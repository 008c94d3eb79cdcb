import { storedObjectsConformance } from "../../conformance/stored-objects.ts";
import { overPostgres } from "../../support/postgres.ts";
import { openTemporaryStore } from "../temporary-store.ts";

await overPostgres(() => storedObjectsConformance("PostgreSQL", openTemporaryStore));
