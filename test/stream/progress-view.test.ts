import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { endDataSchema, type ProgressData, progressDataSchema } from "@millrace/protocol";
import { HeldAdapter } from "../support/held-adapter.ts";
import { WAITS } from "../support/pipelines.ts";
import { RawReader } from "../support/raw-reader.ts";
import { type Frame, readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { untilInterrupted, untilTakenUp } from "../support/taken-up.ts";

const SHORT = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 60 } }], outbound: [work] }
  work: { name: Work, adapters: [{ type: delay, config: { seconds: 0.02 } }], outbound: [drop] }
  drop: { adapters: [{ type: filter, config: { when: "index < 10" } }] }
init_message: { route: make }
`;

function statesOf(frames: readonly Frame[]): ProgressData[] {
  return frames.filter(({ event }) => event === "progress").map(({ data }) => progressDataSchema.parse(data));
}

/** What `/stats` and the last state both tell. */
function countsOf(state: ProgressData | undefined) {
  return {
    completed: state?.completed,
    failed: state?.failed,
    rate: state?.rate,
    routes: state?.routes.map(({ route, completed, failed }) => ({ route, completed, failed })),
  };
}

describe("a stream of a run's progress", () => {
  let service: ServiceProcess;
  const eventsUrl = (id: string, query = "") => `${service.url}/api/v1/executions/${id}/events?view=progress${query}`;
  before(async () => {
    service = await ServiceProcess.start();
  });
  after(() => service[Symbol.asyncDispose]());
  const statsOf = async (id: string) => {
    const stats = await service.client.executions.stats(id);
    return {
      completed: stats.completed_messages,
      failed: stats.failed_messages,
      rate: stats.rate,
      routes: stats.routes.map(({ route, completed_messages: completed, failed_messages: failed }) => ({
        route,
        completed,
        failed,
      })),
    };
  };
  const lastEventOf = async (id: string) => {
    const { frames } = await readStream(`${service.url}/api/v1/executions/${id}/events`);
    return frames.at(-2)?.id;
  };

  test("shows the state at once, then as it changes and not more often than four times a second, to the end", async () => {
    const id = await service.run(SHORT.replace("count: 60", "count: 120"));
    const { frames } = await readStream(eventsUrl(id));
    const states = statesOf(frames);
    assert.equal(frames.length, states.length + 1);
    assert.ok(states.length >= 4, `${states.length} states of a run of more than two seconds`);
    const times = states.map(({ timestamp }) => Date.parse(timestamp));
    for (const [index, time] of times.entries()) {
      // The clock of the timestamps is another than the one that the states are spaced by.
      if (index > 0) assert.ok(time - (times[index - 1] ?? 0) >= 240, `${time - (times[index - 1] ?? 0)} ms apart`);
    }
    for (const [index, state] of states.entries()) {
      assert.equal(state.execution_id, id);
      assert.deepEqual(
        state.routes.map(({ route, name }) => [route, name]),
        [
          ["make", null],
          ["work", "Work"],
          ["drop", null],
        ],
      );
      const before = states[index - 1];
      if (before !== undefined) assert.ok(state.completed >= before.completed && state.failed >= before.failed);
      if (index < states.length - 1) assert.equal(state.status, "running");
    }
    const last = states.at(-1);
    assert.deepEqual([last?.status, last?.queued, last?.running, last?.retrying], ["completed", 0, 0, 0]);
    assert.deepEqual([last?.completed, last?.failed], [241, 0]);
    assert.deepEqual(countsOf(last), await statsOf(id));
    const end = frames.at(-1);
    assert.deepEqual(end?.data, { reason: "completed", status: "completed" });
    assert.equal(end?.id, await lastEventOf(id));
    const ids = frames.map(({ id }) => Number(id));
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => a - b),
    );
  });

  test("shows the last state and the end of a run that is over, and 204 to a cursor that is there", async () => {
    const id = await service.run(SHORT);
    await service.client.executions.wait(id);
    const { frames } = await readStream(eventsUrl(id));
    assert.deepEqual(
      frames.map(({ event }) => event),
      ["progress", "end"],
    );
    assert.deepEqual(countsOf(statesOf(frames)[0]), await statsOf(id));
    assert.equal(frames[1]?.id, await lastEventOf(id));
    const cursor = { "last-event-id": frames[1]?.id ?? "" };
    assert.equal((await readStream(eventsUrl(id), { headers: cursor })).status, 204);
  });

  test("resumes with the state of the moment, whatever kind of stream the cursor is of", async () => {
    const id = await service.run(WAITS);
    const events = await readStream(`${service.url}/api/v1/executions/${id}/events?timeout=1`);
    const first = await readStream(eventsUrl(id, "&timeout=1"));
    assert.deepEqual(
      first.frames.map(({ event, id }) => [event, id]),
      [
        ["progress", events.frames.at(-1)?.id],
        ["end", events.frames.at(-1)?.id],
      ],
    );
    assert.deepEqual(first.frames[1]?.data, { reason: "timeout", status: "running" });
    assert.equal(statesOf(first.frames)[0]?.running, 1);
    for (const cursor of [events.frames[0]?.id, first.frames[0]?.id]) {
      const again = await readStream(eventsUrl(id, "&timeout=1"), { headers: { "last-event-id": cursor ?? "" } });
      assert.equal(statesOf(again.frames).length, 1);
    }
    // And a stream of events goes on from the cursor of a state.
    await service.client.executions.cancel(id);
    const rest = await readStream(`${service.url}/api/v1/executions/${id}/events`, {
      headers: { "last-event-id": first.frames[0]?.id ?? "" },
    });
    assert.deepEqual(
      rest.frames.map(({ event }) => event),
      ["failed", "end"],
    );
  });

  test("carries several runs over one connection, each to its own end", async () => {
    const ids = [await service.run(SHORT), await service.run(WAITS), await service.run(SHORT)];
    const url = `${service.url}/api/v1/events?view=progress&execution_id=${ids.join("&execution_id=")}`;
    const reading = readStream(url);
    await service.client.executions.wait(ids[0] ?? "");
    await service.client.executions.wait(ids[2] ?? "");
    await service.client.executions.cancel(ids[1] ?? "");
    const { frames } = await reading;
    const ends = frames.filter(({ event }) => event === "end").map(({ data }) => endDataSchema.parse(data));
    assert.deepEqual(
      new Map(ends.map(({ execution_id, reason }) => [execution_id, reason])),
      new Map([
        [ids[0], "completed"],
        [ids[1], "cancelled"],
        [ids[2], "completed"],
      ]),
    );
    for (const id of ids) {
      const own = frames.filter(({ data }) => data.execution_id === id);
      assert.equal(own.at(-1)?.event, "end");
      assert.equal(own.at(-2)?.event, "progress");
      const { completed, failed } = await statsOf(id);
      const last = statesOf(own).at(-1);
      assert.deepEqual([last?.completed, last?.failed], [completed, failed]);
    }
    const cursor = { "last-event-id": frames.at(-1)?.id ?? "" };
    assert.equal((await readStream(url, { headers: cursor })).status, 204);
  });

  test("shows many who watch the same states", async () => {
    const id = await service.run(SHORT);
    const all = await Promise.all(Array.from({ length: 30 }, () => readStream(eventsUrl(id))));
    const last = all.map(({ frames }) => JSON.stringify(frames.slice(-2)));
    assert.equal(new Set(last).size, 1);
  });

  test("of an execution that was deleted meanwhile ends, and so does one whose client has gone", async () => {
    const id = await service.run(SHORT);
    const gone = await RawReader.open(eventsUrl(id));
    gone.cut();
    await service.client.executions.wait(id);
    await service.client.executions.delete(id);
    assert.equal((await readStream(eventsUrl(id))).status, 404);
  });
});

test("a stream of a run's progress tells that it is interrupted, and of the run that goes on when it is back", async () => {
  using held = new HeldAdapter();
  await using service = await ServiceProcess.start(held.flags);
  held.letThrough(3);
  const id = await service.run(`
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 40 } }], outbound: [work] }
  work: { adapters: [{ type: held }] }
init_message: { route: make }
`);
  const url = `${service.url}/api/v1/executions/${id}/events?view=progress`;
  await readStream(url, { until: ({ data }) => Number(data.completed) > 2 });
  await service.end("SIGKILL");
  held.takeAway();
  await service.start();
  await untilInterrupted(service, id);
  const interrupted = await readStream(url);
  assert.deepEqual(
    interrupted.frames.map(({ event }) => event),
    ["progress", "end"],
  );
  assert.equal(statesOf(interrupted.frames)[0]?.status, "interrupted");
  assert.deepEqual(interrupted.frames[1]?.data, { reason: "interrupted", status: "interrupted" });
  await service.end("SIGTERM");
  held.putBack();
  held.letThrough(40);
  await service.start();
  await untilTakenUp(service, id);
  const cursor = { "last-event-id": interrupted.frames[1]?.id ?? "" };
  const rest = await readStream(url, { headers: cursor });
  assert.equal(rest.frames.at(-1)?.data.reason, "completed");
  const last = statesOf(rest.frames).at(-1);
  assert.deepEqual([last?.completed, last?.failed], [41, 0]);
});

test("a client that stopped reading is sent the newest state when it reads again, and few of those in between", async () => {
  await using service = await ServiceProcess.start();
  // States of some 300 KB, all in all far more than the buffers of a connection hold.
  const routes = Array.from(
    { length: 900 },
    (_, index) => `  r${index}: { name: "${"n".repeat(200)}", adapters: [{ type: log }] }`,
  );
  const yaml = `
version: "1.0"
routes:
${routes.join("\n")}
  make: { adapters: [{ type: generate, config: { count: 200 } }], outbound: [work] }
  work: { adapters: [{ type: delay, config: { seconds: 0.03 } }] }
init_message: { route: make }
`;
  const id = await service.run(yaml);
  const url = `${service.url}/api/v1/executions/${id}/events?view=progress`;
  const slow = await RawReader.open(url);
  slow.pause();
  const { frames } = await readStream(url);
  slow.resume();
  await slow.ended();
  assert.deepEqual(slow.frames.slice(-2), frames.slice(-2), "the last state, and the end");
  assert.ok(slow.frames.length < frames.length, `${slow.frames.length} of ${frames.length} were sent`);
});
