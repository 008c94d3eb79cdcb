import { accessConformance } from "../conformance/access.ts";
import { openTemporaryStore } from "./temporary-store.ts";

accessConformance("SQLite", openTemporaryStore);
