import assert from "node:assert/strict";
import { createClient, type StreamEvent } from "@millrace/client";
import { encodeFrame, encodeRetry, HEARTBEAT } from "@millrace/protocol";
import fc from "fast-check";
import { EventFilter } from "../../packages/server/src/stream/frame-filter.ts";
import { cutPage } from "../../packages/server/src/stream/page.ts";
import { type Fuzzer, fuzzer } from "./fuzzer.ts";
import { eventOf, NAMES, ROUTES } from "./some-events.ts";

const EXECUTION = "01a20000-0000-7000-8000-000000000000";
const END = (id: number) => encodeFrame("end", '{"reason":"completed","status":"completed"}', id);

interface Cut {
  readonly events: readonly { readonly type: number; readonly route: number; readonly text: string }[];
  /** Where connections break, and where chunks begin: as parts of the whole. */
  readonly cuts: readonly number[];
  readonly chunks: readonly number[];
  readonly heartbeats: boolean;
}

const cuts: fc.Arbitrary<Cut> = fc.record({
  events: fc.array(
    fc.record({
      type: fc.nat(3),
      route: fc.nat(ROUTES.length - 1),
      text: fc.string({ unit: "binary", maxLength: 20 }),
    }),
    { maxLength: 12 },
  ),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }),
  chunks: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }),
  heartbeats: fc.boolean(),
});

/** However its bytes are cut and wherever connections break, the client hands out each event once, in order. */
export const clientFuzzer: Fuzzer = fuzzer(
  "a client sees each event once, wherever the connection breaks",
  15,
  cuts,
  async (cut) => {
    const frames = cut.events.map((event, index) =>
      encodeFrame(eventOf(event).type, JSON.stringify(eventOf(event)), index + 1),
    );
    const requests: (string | null)[] = [];
    const client = createClient({
      baseUrl: "http://127.0.0.1:9",
      fetch: async (_url, init) => {
        const after = new Headers(init?.headers).get("last-event-id");
        requests.push(after);
        const from = Number(after ?? 0);
        const rest = `${encodeRetry(0)}${cut.heartbeats ? HEARTBEAT : ""}${frames.slice(from).join(cut.heartbeats ? HEARTBEAT : "")}${END(frames.length)}`;
        const bytes = Buffer.from(rest);
        const broken = cut.cuts[requests.length - 1];
        const sent = broken === undefined ? bytes : bytes.subarray(0, Math.floor(broken * (bytes.length - 1)));
        const places = cut.chunks.map((part) => Math.floor(part * sent.length)).sort((one, other) => one - other);
        const parts = [0, ...places].map((at, index) => sent.subarray(at, places[index] ?? sent.length));
        const body = new ReadableStream({
          start(controller) {
            for (const part of parts) if (part.length > 0) controller.enqueue(new Uint8Array(part));
            if (broken === undefined) controller.close();
            else controller.error(new Error("cut"));
          },
        });
        return new Response(body, { headers: { "content-type": "text/event-stream; charset=utf-8" } });
      },
    });
    const seen: StreamEvent[] = [];
    for await (const event of client.executions.events(EXECUTION)) seen.push(event);
    assert.deepEqual(
      seen.map(({ id, type }) => [id, type]),
      [...cut.events.map((event, index) => [String(index + 1), eventOf(event).type]), [String(frames.length), "end"]],
    );
  },
);

const pages = fc.record({
  events: fc.array(
    fc.record({
      type: fc.nat(3),
      route: fc.nat(NAMES.length - 1),
      text: fc.string({ unit: "binary", maxLength: 30 }),
    }),
    { minLength: 1, maxLength: 30 },
  ),
  rows: fc.array(fc.nat(29), { maxLength: 5 }),
  maxBytes: fc.integer({ min: 1, max: 4000 }),
  routes: fc.subarray([...NAMES]),
});

/** A journal that is read page by page, from any of its ids, is the journal: with a filter, what that chooses of it. */
export const pageFuzzer: Fuzzer = fuzzer(
  "pages of a journal, of whatever size, are the journal",
  400,
  pages,
  async ({ events, rows, maxBytes, routes }) => {
    const frames = events.map((event, index) =>
      encodeFrame(eventOf(event, NAMES).type, JSON.stringify(eventOf(event, NAMES)), index + 1),
    );
    const starts = [...new Set([0, ...rows.filter((row) => row < frames.length)])].sort((one, other) => one - other);
    const entries = starts.map((start, index) => {
      const end = starts[index + 1] ?? frames.length;
      const text = frames.slice(start, end).join("");
      return {
        kind: "events",
        executionId: EXECUTION,
        first: start + 1,
        last: end,
        count: end - start,
        frames: Buffer.from(text),
      } as const;
    });
    const filter = EventFilter.of([], routes);
    for (let from = 0; from <= frames.length; from += Math.max(1, Math.floor(frames.length / 4))) {
      let text = "";
      for (let after = from; ; ) {
        const left = entries.filter(({ last }) => last > after);
        const page = cutPage(left, filter, { after, upTo: frames.length, maxBytes, minBytes: 0, begins: () => false });
        if (page === null) break;
        assert.ok(page.last > after, "a page brings the reader on");
        text += page.frames?.bytes.toString("utf8") ?? "";
        after = page.last;
      }
      const chosen = frames.filter(
        (_, index) =>
          index >= from &&
          (routes.length === 0 || routes.some((route) => route === eventOf(events[index], NAMES).route)),
      );
      assert.equal(text, chosen.join(""));
    }
  },
);

/** All of this file. */
export const frameFuzzers: readonly Fuzzer[] = [clientFuzzer, pageFuzzer];
