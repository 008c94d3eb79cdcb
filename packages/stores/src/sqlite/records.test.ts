import { recordsConformance } from "../conformance/records.ts";
import { openTemporaryStore } from "./temporary-store.ts";

recordsConformance("SQLite", openTemporaryStore);
