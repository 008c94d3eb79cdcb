import { deliveriesConformance } from "../conformance/deliveries.ts";
import { overPostgres } from "../support/postgres.ts";
import { openTemporaryStore } from "./temporary-store.ts";

await overPostgres(() => deliveriesConformance("PostgreSQL", openTemporaryStore));
