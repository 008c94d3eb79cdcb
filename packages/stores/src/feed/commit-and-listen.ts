/**
 * A program for tests: a node over PostgreSQL and NATS. It prints where it begins to listen, and each entry that it is
 * told; for each line that it reads it commits so many transitions, as fast as it can, and says when they are told.
 */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { newEvent, newExecution } from "../conformance/store-under-test.ts";
import { openNatsBus } from "../nats/nats-bus.ts";
import { openPostgresStore } from "../postgres/store.ts";
import { busFeed } from "./bus-feed.ts";

const [url = "", servers = "", name = ""] = process.argv.slice(2);
const bus = await openNatsBus({ servers, prefix: "test", name });
const { journal, records, source } = await openPostgresStore({
  url,
  name,
  version: "0.0.0",
  engine: true,
  leaseMs: 60_000,
  feed: busFeed(bus, { checkMs: 200 }),
});
const executionId = `execution of ${name}`;
await records.createExecution(newExecution({ id: executionId }), null);
writeSync(1, `listens after ${journal.head}\n`);
journal.onCommit((entries) => {
  writeSync(1, entries.map((entry) => `told ${entry.executionId}: ${entry.first}-${entry.last}\n`).join(""));
});

for await (const line of createInterface({ input: process.stdin })) {
  const transitions = Array.from({ length: Number(line) }, async (_, step) => {
    // Several groups, of several transitions each.
    await new Promise((resolve) => setTimeout(resolve, step / 3));
    await journal.append({ executionId, events: ["x", "y"].map((part) => newEvent(executionId, `${step}${part}`)) });
  });
  await Promise.all(transitions);
  writeSync(1, "committed\n");
}
writeSync(1, `ends at ${await source.readHead()}\n`);
process.exit(0);
