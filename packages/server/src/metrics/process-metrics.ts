import { collectDefaultMetrics } from "prom-client";
import type { Metrics } from "./metrics.ts";

/**
 * Adds the metrics that every process of Node.js has (memory, event loop, garbage collection, handles) under the names that
 * common dashboards look for. `name` tells processes of one service apart: `main`, `worker-1`.
 */
export function addProcessMetrics({ registry }: Metrics, name: string): void {
  collectDefaultMetrics({ register: registry, labels: { process: name } });
}
