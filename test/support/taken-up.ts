import assert from "node:assert/strict";
import { eventually } from "./eventually.ts";
import type { ServiceProcess } from "./service-process.ts";

// One process takes up what the one before it left before it listens; of several nodes one does once the lease of the one
// that had it has run out.

/** Waits until it is said of an execution that it cannot be taken up. */
export async function untilInterrupted(service: ServiceProcess, executionId: string): Promise<void> {
  await eventually(async () => {
    assert.equal((await service.client.executions.get(executionId)).status, "interrupted");
  });
}

/** Waits until an execution was taken up (again so many times, where it is given), and goes on. */
export async function untilTakenUp(service: ServiceProcess, executionId: string, times = 0): Promise<void> {
  await eventually(async () => {
    const { status, recoveries } = await service.client.executions.get(executionId);
    assert.notEqual(status, "interrupted");
    assert.ok(recoveries.length >= times, `taken up ${recoveries.length} times`);
  });
}
