import assert from "node:assert/strict";
import { test } from "node:test";
import type { JournalBounds, JournalEntry, Lifecycle, Position } from "@millrace/engine";
import type { EventType, ExecutionStatus, TerminalStatus } from "@millrace/protocol";
import fc from "fast-check";
import { findStart } from "./cursor.ts";
import { EventFilter } from "./frame-filter.ts";
import { StreamHub } from "./hub.ts";
import { FakeClock } from "./testing/fake-clock.ts";
import { FakeResponse } from "./testing/fake-response.ts";
import { MemoryJournal, type NewEvent, turns, type Write, type WrittenEvent } from "./testing/memory-journal.ts";

const IDS = ["a", "b", "c"];
const AT = "2026-01-01T00:00:00.000Z";

interface Choice {
  readonly types: readonly EventType[];
  readonly routes: readonly string[];
}

const CHOICES: readonly Choice[] = [
  { types: [], routes: [] },
  { types: ["completed"], routes: [] },
  { types: [], routes: ["x"] },
  { types: ["completed", "failed"], routes: ["y"] },
];

type Step =
  | {
      readonly kind: "commit";
      readonly writes: readonly {
        readonly execution: number;
        readonly events: number;
        readonly bytes: number;
        readonly lifecycle: "none" | "none" | "interrupted" | "ended";
      }[];
      /** Not told: marked as unread in its place. */
      readonly unread: boolean;
      readonly times: number;
    }
  | {
      readonly kind: "open";
      readonly executions: readonly number[];
      readonly many: boolean;
      readonly from: "start" | "now" | "event";
      readonly place: number;
      readonly choice: number;
      readonly timeoutMs: number;
      readonly readers: number;
      readonly stalled: boolean;
      readonly late: number;
    }
  | { readonly kind: "stall" | "drain" | "gone"; readonly reader: number }
  | { readonly kind: "turns"; readonly count: number }
  | { readonly kind: "reads"; readonly before: number; readonly after: number }
  | { readonly kind: "clock"; readonly ms: number };

const writeArbitrary = fc.record({
  execution: fc.nat(IDS.length - 1),
  events: fc.nat(4),
  bytes: fc.oneof({ weight: 20, arbitrary: fc.nat(200) }, { weight: 2, arbitrary: fc.constantFrom(20_000, 150_000) }),
  lifecycle: fc.oneof(
    { weight: 10, arbitrary: fc.constant("none" as const) },
    { weight: 1, arbitrary: fc.constantFrom("interrupted" as const, "ended" as const) },
  ),
});

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      writes: fc.array(writeArbitrary, { minLength: 1, maxLength: 3 }),
      unread: fc.nat(9).map((die) => die === 0),
      times: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constantFrom(3, 12) }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("open" as const),
      executions: fc.uniqueArray(fc.nat(IDS.length - 1), { minLength: 1, maxLength: 3 }),
      many: fc.boolean(),
      from: fc.constantFrom("start" as const, "now" as const, "event" as const),
      place: fc.nat(),
      choice: fc.nat(CHOICES.length - 1),
      timeoutMs: fc.constantFrom(1_000, 20_000, 3_600_000, 3_600_000),
      readers: fc.constantFrom(1, 1, 2, 40),
      stalled: fc.nat(4).map((die) => die === 0),
      late: fc.constantFrom(0, 0, 1, 4),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("stall" as const, "drain", "gone"), reader: fc.nat() }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("turns" as const), count: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("reads" as const), before: fc.nat(3), after: fc.nat(3) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clock" as const), ms: fc.constantFrom(30, 800, 16_000) }) },
);

const scenario = fc.record({
  steps: fc.array(stepArbitrary, { minLength: 3, maxLength: 40 }),
  watched: fc.boolean(),
  /** Each look at the clock takes so long: deliveries are cut into slices where it is long. */
  perLook: fc.constantFrom(0, 0, 9),
  shutdown: fc.boolean(),
});

test("every stream carries its events once, in order, up to the right end, whatever else happens", async (t) => {
  const clock = FakeClock.install(t);
  await fc.assert(
    fc.asyncProperty(scenario, async ({ steps, watched, perLook, shutdown }) => {
      clock.perLook = perLook;
      const world = new World(watched);
      await world.begin();
      for (const step of steps) await world.take(step, clock);
      await world.end(shutdown, clock);
      world.check(shutdown);
      assert.equal(clock.timers, 0, "a timer is left");
    }),
    {
      numRuns: Number(process.env.HUB_RUNS ?? 300),
      // As a failure tells them: HUB_SEED=… HUB_PATH=… repeats it.
      ...(process.env.HUB_SEED ? { seed: Number(process.env.HUB_SEED), path: process.env.HUB_PATH ?? "" } : {}),
    },
  );
});

/** A stream that was opened, and what it was asked for. */
interface Reader {
  readonly response: FakeResponse;
  readonly executionIds: readonly string[];
  readonly many: boolean;
  readonly choice: Choice;
  readonly after: Position;
  cut: boolean;
}

class World {
  readonly journal = new MemoryJournal();
  readonly hub: StreamHub;
  readonly readers: Reader[] = [];
  readonly opening = new Set<Promise<void>>();
  readonly #watching = new Map<string, "asked" | "told">();
  readonly #watched: boolean;
  readonly #state = new Map<string, ExecutionStatus>();

  constructor(watched: boolean) {
    this.#watched = watched;
    this.hub = new StreamHub({
      journal: this.journal,
      records: { findExecution: async (id) => ({ id, project: "default", status: this.#state.get(id) ?? "running" }) },
      readProgress: async () => null,
      maxSubscribers: 10_000,
      ...(watched
        ? { watch: (id: string) => this.#watch(id), unwatch: (id: string) => this.#watching.delete(id) }
        : {}),
    });
  }

  async begin(): Promise<void> {
    for (const executionId of IDS) this.#commit([{ executionId, events: [], lifecycle: { kind: "started", at: AT } }]);
    await turns(2);
  }

  async take(step: Step, clock: FakeClock): Promise<void> {
    switch (step.kind) {
      case "commit":
        // A commit is a turn of its own, or several are one.
        await turns(1);
        for (let time = 0; time < step.times; time += 1) this.#write(step);
        break;
      case "open":
        for (let reader = 0; reader < step.readers; reader += 1) this.#open(step);
        break;
      case "turns":
        await turns(step.count);
        break;
      case "reads":
        this.journal.turnsBefore = step.before;
        this.journal.turnsAfter = step.after;
        break;
      case "clock":
        clock.advance(step.ms);
        break;
      default: {
        const reader = this.readers[step.reader % Math.max(1, this.readers.length)];
        if (reader === undefined) break;
        if (step.kind === "stall") reader.response.stall();
        else if (step.kind === "drain") reader.response.drain();
        else {
          reader.cut = true;
          reader.response.destroy();
        }
      }
    }
  }

  async end(shutdown: boolean, clock: FakeClock): Promise<void> {
    for (const { response } of this.readers) response.drain();
    if (shutdown) {
      await this.hub.close();
    } else {
      await Promise.all(this.opening);
      for (const executionId of IDS) {
        if (this.#isOver(executionId)) continue;
        const events = [event("completed", "x", 10)];
        this.#commit([{ executionId, events, lifecycle: { kind: "ended", at: AT, status: "completed" } }]);
      }
    }
    await Promise.all(this.opening);
    for (const { response } of this.readers) response.drain();
    for (let tries = 0; tries < 3_000 && this.readers.some(({ response }) => !response.closed); tries += 1) {
      await turns(1);
    }
    clock.perLook = 0;
    await turns(40);
    if (!shutdown) await this.hub.close();
    this.hub.cut();
    await turns(5);
  }

  check(shutdown: boolean): void {
    for (const [index, reader] of this.readers.entries()) {
      assert.ok(reader.response.closed, `reader ${index} was not ended`);
      const open = reader.response.text;
      const frames = framesOf(open);
      // One that came while the hub was closing is sent away.
      if (reader.cut || (shutdown && open === "")) this.#checkCut(reader, frames, index);
      else if (reader.many) this.#checkMany(reader, frames, index, shutdown);
      else this.#checkOne(reader, frames, index, shutdown);
    }
    assert.equal(this.hub.size, 0);
    assert.equal(this.hub.shelf.readers, 0);
    assert.equal(this.hub.shelf.bytes, 0);
    for (const id of IDS) assert.equal(this.hub.known(id, null), null);
    assert.equal(this.#watching.size, 0, "something is still watched");
  }

  #checkCut(reader: Reader, frames: readonly string[], index: number): void {
    const events = frames.filter((frame) => !isEnd(frame));
    sameFrames(events, texts(this.#chosen(reader)).slice(0, events.length), `reader ${index}`);
  }

  #checkOne(reader: Reader, frames: readonly string[], index: number, shutdown: boolean): void {
    const end = endOf(frames.at(-1));
    assert.ok(end !== null, `reader ${index} was told no end: ${frames.at(-1)}`);
    const chosen = this.#chosen(reader);
    const expected = chosen.filter((event) => event.id <= end.id);
    sameFrames(frames.slice(0, -1), texts(expected), `reader ${index}`);
    const [executionId] = reader.executionIds;
    const events = this.journal.events.filter((event) => event.executionId === executionId && event.id > reader.after);
    if (end.reason === "timeout") assert.ok(end.id === reader.after || events.some(({ id }) => id === end.id));
    else if (end.reason === "shutdown") assert.ok(shutdown);
    else if (end.reason === "interrupted") {
      const places = this.#records(executionId, "interrupted").map((at) =>
        Math.max(reader.after, lastBefore(events, at)),
      );
      assert.ok(places.includes(end.id), `reader ${index} ends at ${end.id}, interrupted at ${places}`);
    } else {
      assert.equal(end.id, events.at(-1)?.id ?? reader.after, `reader ${index}`);
      assert.equal(end.reason, this.#state.get(executionId ?? ""));
    }
  }

  #checkMany(reader: Reader, frames: readonly string[], index: number, shutdown: boolean): void {
    const told = new Map<string, string>();
    const seen: string[] = [];
    let lastId = reader.after;
    let whole = false;
    for (const frame of frames) {
      const end = endOf(frame);
      if (end === null) {
        seen.push(frame);
        const id = Number(/\nid: (\d+)\n\n$/.exec(frame)?.[1]);
        assert.ok(id > lastId, `reader ${index}: ${id} after ${lastId}`);
        lastId = id;
        continue;
      }
      assert.ok(!whole, "nothing follows the last end");
      assert.ok(end.id >= lastId, `reader ${index}: an end at ${end.id} after ${lastId}`);
      if (end.executionId === null) {
        assert.ok(end.reason === "timeout" || (end.reason === "shutdown" && shutdown), `reader ${index}: ${frames}`);
        const expected = this.#chosen(reader).filter((event) => event.id <= end.id);
        sameFrames(seen, texts(expected), `reader ${index}`);
        whole = true;
        continue;
      }
      assert.ok(!told.has(end.executionId), `reader ${index}: two ends of ${end.executionId}`);
      told.set(end.executionId, end.reason);
      const own = this.#chosen(reader).filter(({ executionId }) => executionId === end.executionId);
      const due = end.reason === "interrupted" ? own.filter(({ id }) => id <= end.id) : own;
      const got = seen.filter((text) => text.includes(`"execution_id":"${end.executionId}"`));
      sameFrames(got, texts(due), `reader ${index}: at the end of ${end.executionId}`);
    }
    const interrupted = [...told.values()].includes("interrupted");
    if (!whole) assert.equal(told.size, reader.executionIds.length, `reader ${index}: ended early`);
    if (!whole && !interrupted) sameFrames(seen, texts(this.#chosen(reader)), `reader ${index}`);
  }

  #chosen(reader: Reader): WrittenEvent[] {
    const { types, routes } = reader.choice;
    return this.journal.events.filter(
      (event) =>
        event.id > reader.after &&
        reader.executionIds.includes(event.executionId) &&
        (types.length === 0 || types.includes(event.type)) &&
        (routes.length === 0 || routes.includes(event.route)),
    );
  }

  #records(executionId: string | undefined, kind: Lifecycle["kind"]): Position[] {
    return this.journal.entries
      .filter(
        (entry) => entry.executionId === executionId && entry.kind === "lifecycle" && entry.lifecycle.kind === kind,
      )
      .map((entry) => entry.last);
  }

  #write({ writes, unread }: Extract<Step, { kind: "commit" }>): void {
    const all: Write[] = [];
    for (const { execution, events, bytes, lifecycle } of writes) {
      const executionId = IDS[execution] ?? "";
      if (this.#isOver(executionId) || all.some((write) => write.executionId === executionId)) continue;
      if (this.#state.get(executionId) === "interrupted") {
        this.#state.set(executionId, "running");
        all.push({ executionId, events: [], lifecycle: { kind: "resumed", at: AT, redone: 0 } });
      }
      const made = Array.from({ length: events }, (_, index) =>
        event(typeOf(index), index % 3 === 0 ? "x" : "y", bytes),
      );
      if (lifecycle === "none") {
        if (made.length > 0) all.push({ executionId, events: made });
        continue;
      }
      if (lifecycle === "interrupted") {
        this.#state.set(executionId, "interrupted");
        const error = { code: "X", message: "x" };
        all.push({ executionId, events: made, lifecycle: { kind: "interrupted", at: AT, error } });
      } else {
        const status: TerminalStatus = events % 2 === 0 ? "completed" : "failed";
        this.#state.set(executionId, status);
        all.push({ executionId, events: made, lifecycle: { kind: "ended", at: AT, status } });
      }
    }
    if (all.length === 0) return;
    if (!unread) {
      this.#commit(all);
      return;
    }
    this.journal.commit(all, () => false);
    for (const { executionId } of all) {
      const last = this.journal.entries.findLast((entry) => entry.executionId === executionId)?.last ?? 0;
      this.hub.markUnread(executionId, last);
    }
  }

  #commit(writes: readonly Write[]): void {
    for (const { executionId, lifecycle } of writes) {
      if (lifecycle?.kind === "ended") this.#state.set(executionId, lifecycle.status);
    }
    const told = (entry: JournalEntry) => !this.#watched || this.#watching.get(entry.executionId) === "told";
    this.journal.commit(writes, told);
  }

  async #watch(executionId: string): Promise<Position> {
    this.#watching.set(executionId, "asked");
    await turns(2);
    this.#watching.set(executionId, "told");
    const from = this.journal.head;
    await turns(2);
    return from;
  }

  #isOver(executionId: string): boolean {
    const state = this.#state.get(executionId) ?? "running";
    return state !== "running" && state !== "interrupted";
  }

  #open(step: Extract<Step, { kind: "open" }>): void {
    const opening = this.#openOne(step).finally(() => this.opening.delete(opening));
    this.opening.add(opening);
  }

  /** As the endpoint does it. */
  async #openOne(step: Extract<Step, { kind: "open" }>): Promise<void> {
    const many = step.many || step.executions.length > 1;
    const executionIds = step.executions.map((execution) => IDS[execution] ?? "");
    const choice = CHOICES[step.choice] ?? { types: [], routes: [] };
    const bounds: JournalBounds[] = [];
    for (const executionId of executionIds) {
      const known = this.hub.known(executionId, null)?.bounds ?? (await this.journal.bounds(executionId));
      assert.ok(known !== null);
      bounds.push(known);
    }
    const own = this.journal.events.filter((event) => executionIds.includes(event.executionId));
    const cursor = step.from === "event" ? own[step.place % Math.max(1, own.length)]?.id : undefined;
    const since = step.from === "now" ? "now" : null;
    const start = await findStart(this.journal, executionIds, bounds, {
      cursor: cursor === undefined ? null : `${cursor}`,
      since,
      keepOpen: false,
    });
    if (start.kind !== "stream" || this.hub.unavailable !== null) return;
    const isOver = (index: number) => {
      const ended = bounds[index]?.ended ?? null;
      return ended !== null && ended <= start.after;
    };
    const openIds = executionIds.filter((_, index) => !isOver(index));
    // With nothing left to tell, the endpoint's own part is the whole stream.
    if (openIds.length < executionIds.length) return;
    const response = new FakeResponse();
    if (step.stalled) response.stall();
    this.readers.push({ response, executionIds, many, choice, after: start.after, cut: false });
    await turns(step.late);
    await this.hub.attach(
      {
        executionIds,
        projects: new Map(executionIds.map((id) => [id, "default"])),
        openIds,
        many,
        view: "events",
        filter: EventFilter.of(choice.types, choice.routes),
        after: start.after,
        lastId: start.lastId,
        timeoutMs: step.timeoutMs,
        preface: start.preface,
        gaps: start.gaps,
        lastEvents: new Map(),
      },
      response.asResponse,
    );
  }
}

function event(type: EventType, route: string, bytes: number): NewEvent {
  return { type, route, text: bytes === 0 ? '"é,"route":"x"' : "ü".repeat(bytes >> 1) };
}

function typeOf(index: number): EventType {
  return index % 2 === 0 ? "completed" : "failed";
}

function lastBefore(events: readonly WrittenEvent[], position: Position): Position {
  return events.findLast(({ id }) => id < position)?.id ?? 0;
}

function texts(events: readonly WrittenEvent[]): string[] {
  return events.map(({ frame }) => frame);
}

/** The frames of a stream; what is left of one that was cut is dropped. */
function framesOf(text: string): string[] {
  const blocks = text.replace(/^(?:retry: \d+\n)/, "").split("\n\n");
  blocks.pop();
  return blocks.map((block) => `${block.replace(/^(?:retry: \d+\n|:\n)+/, "")}\n\n`);
}

/** Compares without showing what is long. */
function sameFrames(actual: readonly string[], expected: readonly string[], where: string): void {
  const short = (frame: string) => frame.replace(/ü{3,}/g, "ü…");
  assert.deepEqual(actual.map(short), expected.map(short), where);
}

function isEnd(frame: string): boolean {
  return frame.startsWith("event: end\n");
}

function endOf(frame: string | undefined): { reason: string; executionId: string | null; id: Position } | null {
  const match = /^event: end\ndata: (.*)\nid: (\d+)\n\n$/.exec(frame ?? "");
  if (match === null) return null;
  const data = JSON.parse(match[1] ?? "{}");
  return { reason: data.reason, executionId: data.execution_id ?? null, id: Number(match[2]) };
}
