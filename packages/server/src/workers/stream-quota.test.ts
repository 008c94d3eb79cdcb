import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Endpoint } from "../http/endpoint.ts";
import { StreamGate } from "./stream-gate.ts";
import { type QuotaHolder, StreamQuota } from "./stream-quota.ts";

/** A worker that opens a stream per request, as long as it has room. */
class FakeWorker implements QuotaHolder {
  size = 0;
  readonly gate: StreamGate;
  readonly #endpoint: Endpoint;

  constructor(quota: StreamQuota, fellows: number, max: number) {
    this.gate = new StreamGate(quota.join(this, fellows, max), (wanted) => quota.more(this, wanted));
    const endpoint: Endpoint = {
      method: "GET",
      path: "/",
      summary: "",
      tag: "",
      responses: {},
      run: async () => {
        if (this.size >= this.gate.limit) return false;
        this.size += 1;
        return true;
      },
    };
    this.#endpoint = this.gate.guard(endpoint, this);
  }

  open(): Promise<unknown> {
    // The endpoint above looks at neither.
    return this.#endpoint.run(...([{}, {}] as unknown as Parameters<Endpoint["run"]>));
  }

  async giveBack(): Promise<number> {
    return this.gate.giveBack();
  }
}

test("however streams come and go, all workers together open as many as there is room for", async () => {
  const step = fc.record({
    worker: fc.nat(2),
    what: fc.constantFrom("open", "open", "open", "close", "restart"),
    count: fc.integer({ min: 1, max: 100 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.nat(300), fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 15 }), async (max, turns) => {
      const quota = new StreamQuota(max);
      const workers = [0, 1, 2].map(() => new FakeWorker(quota, 3, max));
      const open = () => workers.reduce((sum, worker) => sum + worker.size, 0);
      for (const turn of turns) {
        const asked: Promise<unknown>[] = [];
        const before = open();
        let closed = false;
        for (const { worker: index, what, count } of turn) {
          const worker = workers[index];
          if (worker === undefined) continue;
          if (what === "open") asked.push(...Array.from({ length: count }, () => worker.open()));
          else {
            closed = true;
            if (what === "close") worker.size = Math.max(0, worker.size - count);
            else {
              quota.leave(worker);
              workers[index] = new FakeWorker(quota, 3, max);
            }
          }
        }
        const opened = (await Promise.all(asked)).filter(Boolean).length;
        assert.ok(open() <= max);
        if (!closed) assert.equal(opened, Math.min(asked.length, max - before));
      }
    }),
    { numRuns: 200 },
  );
});
