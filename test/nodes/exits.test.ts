import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkJournal } from "../support/check-journal.ts";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { readStream } from "../support/read-stream.ts";
import { withoutSharedStack } from "../support/shared-stack.ts";

const skip = await withoutSharedStack();

/** Ends the process for the last of three messages, in the first attempt; the others wait until they are let through. */
const EXITS = `import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineAdapter, z } from "millrace";
const isHeld = ({ index }) => Number(readFileSync(join(import.meta.dirname, "let-through"), "utf8")) <= index;
export default defineAdapter({
  type: "exits",
  description: "Ends the process once.",
  config: z.strictObject({}),
  async process({ payload, attempt }, { signal }) {
    if (payload.index === 2 && attempt === 1) process.exit(3);
    while (isHeld(payload) && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 5));
    return payload;
  },
});
`;

const PIPELINE = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 3 } }], outbound: [work] }
  work:
    inbound: { concurrency: 3 }
    error_handling: { max_retries: 1, retry_delay_seconds: 3 }
    adapters: [{ type: exits }]
init_message: { route: make }
`;

for (const where of ["its owner", "another node"] as const) {
  test(`an adapter that ends the process of ${where} is blamed in the journal, and the next attempt is made elsewhere`, {
    skip,
  }, async () => {
    using held = new HeldAdapter();
    writeFileSync(join(held.folder, "exits.ts"), EXITS);
    await using fleet = await Fleet.start(["serve"], { flags: held.flags });
    // With one slot the owner has no room for the second and the third message.
    const owner = await fleet.add("both", ["--work-slots", where === "its owner" ? "8" : "1"]);
    const id = await fleet.run(PIPELINE, owner.url);
    const worker = where === "its owner" ? owner : await fleet.add("work");
    await worker.ended();
    await fleet.add("work");
    held.letThrough(3);
    assert.equal((await fleet.client.executions.wait(id, 60)).status, "completed", fleet.stderr);
    const url = `${fleet.nodes[0]?.url}/api/v1/executions/${id}/events`;
    const { frames } = await eventually(() => readStream(url));
    const events = checkJournal(frames);
    const failed = events.filter((event) => event.type === "failed");
    assert.deepEqual(
      failed.map(({ error, attempt }) => [error.code, attempt]),
      [["ADAPTER_EXITED", 1]],
    );
    assert.equal(await worker.end(), 3);
    assert.match(worker.stderr, /an adapter ends the process/);
  });
}
