import { workQueueConformance } from "../conformance/work-queue.ts";
import { openTemporaryStore } from "./temporary-store.ts";

workQueueConformance("SQLite", openTemporaryStore);
