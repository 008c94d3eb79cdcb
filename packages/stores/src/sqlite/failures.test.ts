import { failuresConformance } from "../conformance/failures.ts";
import { openTemporaryStore } from "./temporary-store.ts";

failuresConformance("SQLite", openTemporaryStore);
