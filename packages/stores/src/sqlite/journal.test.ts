import { journalConformance } from "../conformance/journal.ts";
import { openTemporaryStore } from "./temporary-store.ts";

journalConformance("SQLite", openTemporaryStore);
