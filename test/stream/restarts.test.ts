import assert from "node:assert/strict";
import { test } from "node:test";
import { gapDataSchema } from "@millrace/protocol";
import { checkJournal } from "../support/check-journal.ts";
import { eventually } from "../support/eventually.ts";
import { HeldAdapter } from "../support/held-adapter.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { untilInterrupted, untilTakenUp } from "../support/taken-up.ts";

const SMALL = `
version: "1.0"
routes: { make: { adapters: [{ type: generate, config: { count: 3 } }], outbound: [end] }, end: { adapters: [{ type: log }] } }
init_message: { route: make }
`;

test("where retention has removed events, a stream says so first, and goes on from the id that it names", async () => {
  await using service = await ServiceProcess.start();
  const id = await service.run(SMALL);
  const url = `${service.url}/api/v1/executions/${id}/events`;
  const { frames } = await readStream(url);
  const last = frames.at(-1)?.id;
  const second = String(frames[1]?.id);
  await service.end();
  await service.start(["--retain-events-days", "0.0000001"]);
  // Retention runs at the start; the execution's record stays.
  const trimmed = await eventually(async () => {
    const read = await readStream(url);
    assert.deepEqual(
      read.frames.map(({ event, id }) => [event, id]),
      [
        ["gap", last],
        ["end", last],
      ],
    );
    return read;
  });
  const gap = gapDataSchema.parse(trimmed.frames[0]?.data);
  assert.deepEqual(gap, { execution_id: id, reason: "retention", resumes_after: last });
  const resumed = await readStream(url, { headers: { "last-event-id": second } });
  assert.deepEqual(resumed.frames, trimmed.frames, "a cursor into what is gone meets the same gap");
  assert.equal((await readStream(url, { headers: { "last-event-id": gap.resumes_after } })).status, 204);
  assert.equal((await readStream(url, { headers: { "last-event-id": "99999" } })).status, 422);
  assert.equal((await service.client.executions.stats(id)).total_messages, 4, "the counts are kept");
});

test("a stream over several executions whose events are gone comes to an end that a client does not come back from", async () => {
  await using service = await ServiceProcess.start();
  const gone = [await service.run(SMALL), await service.run(SMALL)];
  await service.client.executions.wait(gone[0] ?? "", 10);
  await service.client.executions.wait(gone[1] ?? "", 10);
  await service.end();
  await service.start(["--retain-events-days", "0.0000001"]);
  const url = `${service.url}/api/v1/events?execution_id=${gone[1]}&execution_id=${gone[0]}`;
  const trimmed = await eventually(async () => {
    const read = await readStream(url);
    assert.deepEqual(
      read.frames.map(({ event, data }) => [event, data.execution_id]),
      [
        ["gap", gone[0]],
        ["gap", gone[1]],
        ["end", gone[0]],
        ["end", gone[1]],
      ],
    );
    // Until both are trimmed a cursor must not pass what is still there of the one.
    assert.deepEqual(
      read.frames.map(({ id }) => id),
      [0, 1, 1, 1].map((gap) => read.frames[gap]?.data.resumes_after),
    );
    return read;
  });
  const last = trimmed.frames.at(-1)?.id ?? "";
  assert.equal((await readStream(url, { headers: { "last-event-id": last } })).status, 204);

  // With events of another to come, the cursor must not pass them; once they are read, there is nothing more to come.
  const kept = await service.run(SMALL);
  const mixed = `${url}&execution_id=${kept}`;
  const { frames } = await readStream(mixed);
  const events = (await readStream(`${service.url}/api/v1/executions/${kept}/events`)).frames.slice(0, -1);
  assert.deepEqual(
    frames.filter(({ event }) => event !== "gap" && event !== "end"),
    events,
  );
  assert.equal((await readStream(mixed, { headers: { "last-event-id": frames.at(-1)?.id ?? "" } })).status, 204);
});

test("an execution whose adapter is gone is interrupted, says so on its stream, and goes on once it is back", async () => {
  using held = new HeldAdapter();
  await using service = await ServiceProcess.start(held.flags);
  held.letThrough(1);
  const id = await service.run(`
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 50 } }], outbound: [work] }
  work: { adapters: [{ type: held }] }
init_message: { route: make }
`);
  const url = `${service.url}/api/v1/executions/${id}/events`;
  const before = await readStream(url, { until: ({ data }) => data.type === "completed" && data.route === "work" });
  const cursor = String(before.frames.at(-1)?.id);
  await service.end("SIGKILL");

  held.takeAway();
  await service.start();
  await untilInterrupted(service, id);
  const interrupted = await readStream(url, { headers: { "last-event-id": cursor } });
  const end = interrupted.frames.at(-1);
  assert.deepEqual(end?.data, { reason: "interrupted", status: "interrupted" });
  const execution = await service.client.executions.get(id);
  assert.equal(execution.status, "interrupted");
  assert.match(JSON.stringify(execution.error_info), /held/, "it says what is missing");
  await service.end("SIGKILL");

  held.putBack();
  held.letThrough(50);
  await service.start();
  await untilTakenUp(service, id);
  const rest = await readStream(url, { headers: { "last-event-id": end?.id ?? "" } });
  const events = checkJournal([...before.frames, ...interrupted.frames.slice(0, -1), ...rest.frames]);
  assert.equal(events.filter((event) => event.type === "completed").length, 51);
  assert.equal((await service.client.executions.get(id)).error_info, null);
});
