import { retentionConformance } from "../conformance/retention.ts";
import { openTemporaryStore } from "./temporary-store.ts";

retentionConformance("SQLite", openTemporaryStore);
