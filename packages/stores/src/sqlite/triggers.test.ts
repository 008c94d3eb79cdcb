import { triggersConformance } from "../conformance/triggers.ts";
import { openTemporaryStore } from "./temporary-store.ts";

triggersConformance("SQLite", openTemporaryStore);
