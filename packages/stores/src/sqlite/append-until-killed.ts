/**
 * A program for tests: works on the store in the folder given until it is killed. Each step has three events, settles
 * the message of the step before it and enqueues one; what is acknowledged is printed: `{execution} {step}`.
 */
import { writeSync } from "node:fs";
import { newEvent, newExecution, newMessage } from "../conformance/store-under-test.ts";
import { openSqliteStore } from "./store.ts";

const [folder = "", prefix = ""] = process.argv.slice(2);
const { journal, records } = openSqliteStore(folder, { durability: "normal" });

await Promise.all(["a", "b", "c"].map((name) => run(`${prefix}-${name}`)));

async function run(executionId: string): Promise<void> {
  await records.createExecution(newExecution({ id: executionId }), null);
  // Each step is asked for before the one before it is acknowledged, so that groups have several of an execution.
  const acknowledgements: Promise<unknown>[] = [];
  let settled: number | undefined;
  for (let step = 0; ; step += 1) {
    const appended = journal.append({
      executionId,
      events: ["x", "y", "z"].map((part) => newEvent(executionId, `${step}${part}`)),
      enqueue: [newMessage({ id: `${step}`, payloadJson: JSON.stringify("p".repeat(step % 2_000)) })],
      changes: settled === undefined ? [] : [{ kind: "settled", seq: settled }],
    });
    acknowledgements.push(appended.then(() => writeSync(1, `${executionId} ${step}\n`)));
    if (step % 3 === 2) {
      settled = (await appended).seqs[0];
      await Promise.all(acknowledgements.splice(0));
    } else settled = undefined;
  }
}
