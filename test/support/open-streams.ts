import assert from "node:assert/strict";
import { eventually } from "./eventually.ts";
import type { ServiceProcess } from "./service-process.ts";

/** Waits until the service has noticed that all who watched are gone. */
export async function untilNobodyWatches(service: ServiceProcess): Promise<void> {
  await eventually(async () => {
    assert.equal((await service.client.system.ready()).components.streams?.detail, "0 open");
  });
}
