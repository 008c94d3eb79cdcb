import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, mock, test } from "node:test";
import { createClient, type StreamEvent, type StreamState } from "@millrace/client";
import type { EndData } from "@millrace/protocol";

const frame = (event: string, id: string, data: object) =>
  `event: ${event}\ndata: ${JSON.stringify(data)}\nid: ${id}\n\n`;
const COMPLETED: EndData = { reason: "completed", status: "completed" };
const end = (id: string, data: EndData = COMPLETED) => frame("end", id, data);
const initiated = (id: number) => frame("initiated", String(id), { type: "initiated", message_id: `m${id}` });

/** A service whose connections a test writes to; each is told of when it is asked for. */
class Wire {
  readonly asked: { url: string; cursor: string | null; signal: AbortSignal }[] = [];
  /** How often more was asked for. */
  pulled = 0;
  readonly #sinks: ReadableStreamDefaultController<Uint8Array>[] = [];
  readonly client = createClient({
    baseUrl: "http://service",
    fetch: async (url, init) => {
      assert.ok(init?.signal);
      const { signal } = init;
      this.asked.push({ url: String(url), cursor: new Headers(init.headers).get("last-event-id"), signal });
      const body = new ReadableStream<Uint8Array>({
        start: (sink) => {
          this.#sinks.push(sink);
          signal.addEventListener("abort", () => sink.error(signal.reason));
        },
        pull: () => {
          this.pulled += 1;
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  });

  /** Writes to the newest connection. */
  send(text: string): void {
    this.#sinks.at(-1)?.enqueue(new TextEncoder().encode(text));
  }

  close(last: string): void {
    this.send(last);
    this.#sinks.at(-1)?.close();
  }

  cut(): void {
    this.#sinks.at(-1)?.error(new TypeError("terminated"));
  }
}

/** Follows in the background; what has come so far, and what the stream says of itself. */
function followed(wire: Wire) {
  const seen: StreamEvent[] = [];
  const states: StreamState[] = [];
  const over = (async () => {
    for await (const event of wire.client.executions.events("a", { onState: (state) => states.push(state) }))
      seen.push(event);
  })();
  return { seen, states, over };
}

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns += 1) {
    assert.ok(turns < 100_000, "it does not come");
    await new Promise(setImmediate);
  }
}

/** Until nothing moves any more. */
async function settled(wire: Wire): Promise<void> {
  for (let quiet = 0, before = -1; quiet < 10; quiet = before === wire.pulled ? quiet + 1 : 0) {
    before = wire.pulled;
    await new Promise(setImmediate);
  }
}

describe("a page that was away", () => {
  const page = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  beforeEach(() => {
    mock.timers.enable({ apis: ["Date", "setInterval", "setTimeout"] });
    Object.assign(globalThis, {
      document,
      addEventListener: page.addEventListener.bind(page),
      removeEventListener: page.removeEventListener.bind(page),
    });
  });
  afterEach(() => {
    mock.timers.reset();
    for (const name of ["document", "addEventListener", "removeEventListener"])
      Reflect.deleteProperty(globalThis, name);
  });

  /** What happens to a page, how long its stream has been silent then, and whether it is taken up again at once. */
  const cases: [string, () => void, number, boolean][] = [
    ["the network comes back", () => page.dispatchEvent(new Event("online")), 0, true],
    ["it is shown again after a sleep", () => document.dispatchEvent(new Event("visibilitychange")), 21_000, true],
    ["it is shown again after a moment", () => document.dispatchEvent(new Event("visibilitychange")), 4_000, false],
    [
      "it is taken out of the cache of pages",
      () => page.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true })),
      0,
      true,
    ],
  ];
  for (const [what, happen, silentMs, again] of cases) {
    test(`${again ? "takes its stream up by cursor" : "keeps its stream"} when ${what}`, async () => {
      const wire = new Wire();
      const { seen, states, over } = followed(wire);
      await until(() => wire.asked.length === 1);
      wire.send(initiated(1));
      await until(() => seen.length === 1);
      // A machine that sleeps runs no timers: only the clock goes on.
      mock.timers.setTime(Date.now() + silentMs);
      happen();
      if (again) {
        await until(() => states.some(({ state }) => state === "waiting"));
        mock.timers.tick(1);
        await until(() => wire.asked.length === 2);
        assert.equal(wire.asked[1]?.cursor, "1");
        assert.equal(wire.asked[0]?.signal.aborted, true, "the old connection is let go of");
        assert.deepEqual(
          states.map(({ state, ...more }) => ("reason" in more ? `${state} ${more.reason}` : state)),
          ["connecting null", "connected", "waiting woken", "connecting woken", "connected"],
        );
      }
      wire.send(initiated(2) + end("2"));
      await over;
      assert.deepEqual(
        seen.map(({ type, id }) => `${type} ${id}`),
        ["initiated 1", "initiated 2", "end 2"],
      );
      assert.equal(wire.asked.length, again ? 2 : 1);
    });
  }

  test("asks again at once where it was waiting to", async () => {
    const wire = new Wire();
    const { states, over } = followed(wire);
    await until(() => wire.asked.length === 1);
    wire.cut();
    await until(() => states.at(-1)?.state === "waiting");
    page.dispatchEvent(new Event("online"));
    await until(() => wire.asked.length === 2);
    wire.send(end("0"));
    await over;
  });
});

test("a connection that has been silent for 45 seconds is given up, and taken up again where it was", async (t) => {
  t.mock.timers.enable({ apis: ["Date", "setInterval", "setTimeout"] });
  const wire = new Wire();
  const { seen, states, over } = followed(wire);
  await until(() => wire.asked.length === 1);
  wire.send(initiated(1));
  await until(() => seen.length === 1);
  for (const _ of [1, 2, 3]) {
    t.mock.timers.tick(40_000);
    wire.send(":\n");
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  }
  assert.equal(wire.asked.length, 1, "a heartbeat keeps it");
  t.mock.timers.tick(50_000);
  await until(() => states.at(-1)?.state === "waiting");
  t.mock.timers.tick(250);
  await until(() => wire.asked.length === 2);
  assert.equal(wire.asked[1]?.cursor, "1");
  assert.deepEqual(states.at(-2), { state: "connecting", reason: "silent" });
  wire.send(end("1"));
  await over;
});

test("whoever follows is told why a stream is taken up again, and how it ended", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const wire = new Wire();
  const { states, over } = followed(wire);
  for (const stop of [
    () => wire.cut(),
    () => wire.close(end("0", { reason: "timeout", status: "running" })),
    () => wire.close(end("0", { reason: "shutdown", status: "running" })),
  ]) {
    const before = wire.asked.length;
    await until(() => states.at(-1)?.state === "connected");
    stop();
    await until(() => states.at(-1)?.state === "waiting");
    t.mock.timers.tick(15_000);
    await until(() => wire.asked.length > before);
  }
  wire.send(end("0"));
  await over;
  assert.deepEqual(
    states.flatMap((state) => (state.state === "connecting" ? [state.reason] : [])),
    [null, "cut", "timeout", "shutdown"],
  );
  assert.deepEqual(states.at(-1), { state: "ended", end: { type: "end", id: "0", ...COMPLETED }, error: null });
});

test("a stream that is left is closed, and says so last", async () => {
  const wire = new Wire();
  const states: StreamState[] = [];
  const events = wire.client.executions.events("a", { onState: (state) => states.push(state) });
  const first = events.next();
  await until(() => wire.asked.length === 1);
  wire.send(initiated(1) + initiated(2));
  await first;
  for await (const { id } of events) {
    assert.equal(id, "2");
    break;
  }
  assert.equal(wire.asked[0]?.signal.aborted, true);
  assert.deepEqual(states.at(-1), { state: "ended", end: null, error: null });
});

test("a refusal is thrown, and is the last that the stream says", async () => {
  const states: StreamState[] = [];
  const client = createClient({
    baseUrl: "http://service",
    fetch: async () => Response.json({ detail: "no such", error_code: "EXECUTION_NOT_FOUND" }, { status: 404 }),
  });
  const events = client.executions.events("a", { onState: (state) => states.push(state) });
  await assert.rejects(events.next(), /no such/);
  const last = states.at(-1);
  assert.match(String(last?.state === "ended" && last.error), /no such/);
});

test("a page in place of a stream is told of, not asked for again and again", async () => {
  const client = createClient({
    baseUrl: "http://service",
    fetch: async () => new Response("<html>", { headers: { "content-type": "text/html" } }),
  });
  await assert.rejects(client.executions.events("a").next(), /no event stream, but text\/html/);
});

test("a batch is all that has come since the one before it was taken", async () => {
  const wire = new Wire();
  const batches = wire.client.executions.eventBatches("a");
  const first = batches.next();
  await until(() => wire.asked.length === 1);
  wire.send(initiated(1));
  assert.deepEqual(
    (await first).value?.map(({ id }: StreamEvent) => id),
    ["1"],
  );
  for (let id = 2; id <= 300; id += 1) wire.send(initiated(id));
  await settled(wire);
  const second = await batches.next();
  assert.equal(second.value?.length, 299);
  wire.send(end("300"));
  assert.deepEqual(
    (await batches.next()).value?.map(({ type }: StreamEvent) => type),
    ["end"],
  );
  assert.equal((await batches.next()).done, true);
});

test("one who takes slowly makes the service wait, and not the memory grow", async () => {
  const wire = new Wire();
  const batches = wire.client.executions.eventBatches("a");
  const first = batches.next();
  await until(() => wire.asked.length === 1);
  wire.send(initiated(0));
  await first;
  const much = Array.from({ length: 1_000 }, (_, at) => initiated(at + 1)).join("");
  for (let part = 0; part < 20; part += 1) wire.send(much);
  await settled(wire);
  const { value } = await batches.next();
  assert.ok((value?.length ?? 0) < 10_000, `${value?.length} were held`);
  await batches.return(undefined);
});

test("others get their turn while there are events without end at hand", async () => {
  const parts = 200;
  const part = new TextEncoder().encode(Array.from({ length: 500 }, (_, at) => initiated(at + 1)).join(""));
  const client = createClient({
    baseUrl: "http://service",
    fetch: async () => {
      let sent = 0;
      return new Response(
        new ReadableStream<Uint8Array>({
          pull(sink) {
            sent += 1;
            sink.enqueue(sent < parts ? part : new TextEncoder().encode(end("500")));
            if (sent === parts) sink.close();
          },
        }),
      );
    },
  });
  for (const take of [
    async () => {
      for await (const _ of client.executions.events("a"));
    },
    async () => {
      for await (const batch of client.executions.eventBatches("a")) {
        for (const _ of batch) performance.now();
      }
    },
  ]) {
    let turns = 0;
    let over = false;
    const others = (async () => {
      for (; !over; turns += 1) await new Promise((resolve) => setTimeout(resolve));
    })();
    await take();
    over = true;
    await others;
    assert.ok(turns > 3, `${turns} turns`);
  }
});
