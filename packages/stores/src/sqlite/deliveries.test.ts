import { deliveriesConformance } from "../conformance/deliveries.ts";
import { openTemporaryStore } from "./temporary-store.ts";

deliveriesConformance("SQLite", openTemporaryStore);
