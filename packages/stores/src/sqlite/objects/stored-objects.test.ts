import { storedObjectsConformance } from "../../conformance/stored-objects.ts";
import { openTemporaryStore } from "../temporary-store.ts";

storedObjectsConformance("SQLite", openTemporaryStore);
