import { sessionsConformance } from "../conformance/sessions.ts";
import { openTemporaryStore } from "./temporary-store.ts";

sessionsConformance("SQLite", openTemporaryStore);
