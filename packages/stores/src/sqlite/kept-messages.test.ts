import { keptMessagesConformance } from "../conformance/kept-messages.ts";
import { openTemporaryStore } from "./temporary-store.ts";

keptMessagesConformance("SQLite", openTemporaryStore);
