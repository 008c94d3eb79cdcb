import type { ServerResponse } from "node:http";
import type { Journal, JournalBounds, JournalEntry, Position, Records } from "@millrace/engine";
import type { ExecutionStatus } from "@millrace/protocol";
import type { Sent } from "../metrics/metrics.ts";
import { EventSubscriber } from "./event-subscriber.ts";
import type { FrameFilter } from "./frame-filter.ts";
import { HeadTimes } from "./head-times.ts";
import { type ManyHost, ManySubscriber } from "./many-subscriber.ts";
import { PageShelf } from "./pages.ts";
import type { ReadProgress } from "./progress-feed.ts";
import { ProgressSubscriber } from "./progress-subscriber.ts";
import type { StreamKind, Subscriber } from "./subscriber.ts";
import { TimerWheel } from "./timer-wheel.ts";
import { Topic, type Waiting } from "./topic.ts";
import { nextTurn, Slices } from "./turn.ts";

/** What the hub stands on. */
export interface HubParts {
  readonly journal: Pick<Journal, "head" | "fault" | "onCommit" | "read" | "bounds" | "contains">;
  readonly records: Pick<Records, "findExecution">;
  readonly readProgress: ReadProgress;
  /** Streams that may be open at once. */
  readonly maxSubscribers: number;
  /**
   * Where not every commit is told to this process: asks for those of an execution, and resolves with the position after
   * which they are told.
   */
  readonly watch?: (executionId: string) => Promise<Position>;
  /** What its streams are sent is added to it. */
  readonly sent?: Sent;
  /** Told of each stream that begins. Must not throw. */
  readonly opened?: (kind: StreamKind) => void;
  /** @see watch */
  readonly unwatch?: (executionId: string) => void;
}

/** A stream that is to be served. */
export interface StreamRequest {
  /** One, or several for the stream over many runs. */
  readonly executionIds: readonly string[];
  /** The project of each. */
  readonly projects: ReadonlyMap<string, string>;
  /** Those of them whose end is still to be told: the stream closes after the last one's. */
  readonly openIds: readonly string[];
  /** Whether each `end` names its execution (contract: "Many runs, one connection"). */
  readonly many: boolean;
  readonly view: "events" | "progress";
  readonly filter: FrameFilter | null;
  /** Everything after it is sent. */
  readonly after: Position;
  /** The id that a frame without an event of its own carries until there is an event. */
  readonly lastId: Position;
  /** The longest that the stream stays open, in milliseconds. */
  readonly timeoutMs: number;
  /** Who opened it, by the ids of the principal and its session; see {@link StreamHub.endOf}. */
  readonly openedBy?: readonly string[];
  /** Whether a stream over several runs stays open until then, also when all of them are over. Default false. */
  readonly keepOpen?: boolean;
  /** What goes before the first event: a `gap`, where retention has removed events after the cursor. */
  readonly preface: string;
  /** The executions that it tells so of, and up to where their events were removed. */
  readonly gaps: ReadonlyMap<string, Position>;
  /** The id of the last event of each execution, or of its start; for `progress`. */
  readonly lastEvents: ReadonlyMap<string, Position>;
}

/** How it is with the streams that are open. */
export interface StreamState {
  readonly kinds: Readonly<Record<StreamKind, number>>;
  /** Streams that are behind the newest event. */
  readonly behind: number;
  /** Streams that wait for their clients to read. */
  readonly blocked: number;
  /** Positions of the journal that the slowest is behind. */
  readonly lagPositions: Position;
  /** Age of the oldest event that the slowest has not been sent; at most since it began, or fell behind. */
  readonly lagSeconds: number;
}

/** Of so many whose streams were ended it is remembered that they were. */
const REMEMBERED_ENDS = 1_000;

/** After a delivery that took so long, in milliseconds, each of them is a turn that others have before the next. */
const MS_PER_TURN = 1;
const MAX_TURNS = 16;

/**
 * Every open stream of this process, by the executions that it watches.
 *
 * A commit's frames are joined once per execution and filter, and every live stream is written the same bytes. What is
 * committed while a delivery is under way goes out with the next one: the more there is to send, the more goes into one
 * write. A delivery to many is cut into slices, and after a long one others have their turns first, so that neither
 * requests nor runs wait for the streams.
 */
export class StreamHub implements ManyHost {
  readonly shelf: PageShelf;
  /** @see SubscriberHost */
  readonly sent: Sent;
  readonly #headTimes = new HeadTimes();
  readonly #parts: HubParts;
  readonly #topics = new Map<string, Topic>();
  readonly #coming = new Map<string, Promise<Topic>>();
  /** Streams that have not ended. */
  readonly #subscribers = new Set<Subscriber>();
  /** Streams that have, and whose clients have not taken all of it. */
  readonly #leaving = new Set<Subscriber>();
  readonly #several: ManySubscriber[] = [];
  /** Whose streams were ended, the oldest first: those that were being opened meanwhile end as they begin. */
  readonly #ended = new Set<string>();
  readonly #wheel = new TimerWheel();
  readonly #stopListening: () => void;
  /** Topics with something to deliver. */
  #due = new Set<Topic>();
  #delivering = false;
  /** Where a delivery to streams over several executions is: those before have been served. */
  #at = 0;
  #edge: Position;
  #head: Position;
  #opening = 0;
  #closing = false;

  constructor(parts: HubParts) {
    this.#parts = parts;
    this.sent = parts.sent ?? { bytes: 0, events: 0 };
    this.shelf = new PageShelf((...args) => parts.journal.read(...args));
    this.#head = parts.journal.head;
    this.#edge = this.#head;
    this.#stopListening = parts.journal.onCommit((entries) => this.#publish(entries));
  }

  /** Streams that are open. */
  get size(): number {
    return this.#subscribers.size;
  }

  /** Looks at every stream that is open: some microseconds for each hundred. */
  look(): StreamState {
    const now = performance.now();
    const kinds = { events: 0, many: 0, progress: 0 };
    let [behind, blocked, lagPositions, lagMs] = [0, 0, 0, 0];
    for (const subscriber of this.#subscribers) {
      kinds[subscriber.kind] += 1;
      if (subscriber.blocked) blocked += 1;
      const { lag } = subscriber;
      if (lag === 0) continue;
      behind += 1;
      lagPositions = Math.max(lagPositions, lag);
      const committedAt = this.#headTimes.after(subscriber.cursor) ?? 0;
      lagMs = Math.max(lagMs, now - Math.max(committedAt, subscriber.behindSince));
    }
    return { kinds, behind, blocked, lagPositions, lagSeconds: lagMs / 1000 };
  }

  /** @see SubscriberHost */
  get edge(): Position {
    return this.#edge;
  }

  /** Null, or why no stream can be opened at present, for the client. */
  get unavailable(): "closing" | "fault" | "full" | null {
    if (this.#closing) return "closing";
    if (this.#parts.journal.fault !== null) return "fault";
    return this.#subscribers.size + this.#opening >= this.#parts.maxSubscribers ? "full" : null;
  }

  /** Why the journal cannot be written at present; null where it can. */
  get fault(): string | null {
    return this.#parts.journal.fault?.message ?? null;
  }

  /**
   * What the journal has of an execution that is watched and not over, kept up to date; null for any other, and for those
   * of another project than that which is given.
   */
  known(executionId: string, project: string | null): { project: string; bounds: JournalBounds } | null {
    const topic = this.#topics.get(executionId);
    if (topic === undefined || topic.project === null || (project !== null && project !== topic.project)) return null;
    const { bounds } = topic;
    return bounds === null ? null : { project: topic.project, bounds };
  }

  /**
   * Serves a stream on a response whose head has been written. It is freed when either side ends it. Resolves when its
   * first bytes have gone out.
   */
  async attach(request: StreamRequest, response: ServerResponse): Promise<void> {
    this.#opening += 1;
    const topics: Topic[] = [];
    try {
      for (const executionId of request.executionIds) {
        const topic = await this.#hold(executionId);
        topic.project ??= request.projects.get(executionId) ?? null;
        topics.push(topic);
      }
      if (response.destroyed || this.#closing) {
        response.destroy();
        return;
      }
      const subscriber = this.#open(request, response, topics);
      subscriber.openedBy = request.openedBy ?? [];
      this.#subscribers.add(subscriber);
      this.#parts.opened?.(subscriber.kind);
      this.#wheel.schedule(subscriber);
      subscriber.start(request.preface);
      if (subscriber.openedBy.some((id) => this.#ended.has(id))) void subscriber.finish("timeout");
    } catch {
      // The journal cannot be read: the client comes back with its cursor.
      response.destroy();
    } finally {
      this.#opening -= 1;
      for (const topic of topics) {
        topic.held -= 1;
        this.left(topic);
      }
    }
  }

  /** Ends every stream with reason `shutdown`, and takes no more. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#stopListening();
    const slices = new Slices();
    const ends: Promise<void>[] = [];
    for (const subscriber of [...this.#subscribers]) {
      ends.push(subscriber.finish("shutdown"));
      if (slices.over) await slices.rest();
    }
    await Promise.all(ends);
  }

  /**
   * Ends the streams that somebody has opened, whose credential or session is no longer good and will not be again. Their
   * cursors stay good.
   */
  endOf(openedBy: string): void {
    this.#ended.delete(openedBy);
    this.#ended.add(openedBy);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= REMEMBERED_ENDS) break;
      this.#ended.delete(oldest);
    }
    for (const subscriber of [...this.#subscribers]) {
      if (subscriber.openedBy.includes(openedBy)) void subscriber.finish("timeout");
    }
  }

  /** Cuts the connections of those that have not taken the rest of their streams. */
  cut(): void {
    for (const subscriber of [...this.#subscribers, ...this.#leaving]) subscriber.cut();
  }

  /** Commits of an execution up to a position were not told: its streams read them from the journal. */
  markUnread(executionId: string, last: Position): void {
    const topic = this.#topics.get(executionId);
    this.#head = Math.max(this.#head, last);
    if (topic !== undefined) {
      topic.markUnread(last);
      this.#due.add(topic);
    }
    this.#deliverDue();
  }

  /** @see SubscriberHost */
  bounds(executionId: string): Promise<JournalBounds | null> {
    return this.#parts.journal.bounds(executionId);
  }

  /** @see SubscriberHost */
  async statusOf(executionId: string): Promise<ExecutionStatus | null> {
    try {
      return (await this.#parts.records.findExecution(executionId))?.status ?? null;
    } catch {
      return null;
    }
  }

  /** @see SubscriberHost */
  detach(subscriber: Subscriber): void {
    if (!this.#subscribers.delete(subscriber)) return;
    this.#leaving.add(subscriber);
    this.#wheel.remove(subscriber);
    subscriber.release();
  }

  /** @see SubscriberHost */
  closed(subscriber: Subscriber): void {
    this.#leaving.delete(subscriber);
  }

  /** @see ManyHost */
  join(subscriber: ManySubscriber): void {
    subscriber.place = this.#several.push(subscriber) - 1;
  }

  /** @see ManyHost. In the middle of a delivery, nobody is passed over by it. */
  leave(subscriber: ManySubscriber): void {
    let hole = subscriber.place;
    if (hole < this.#at) {
      this.#at -= 1;
      this.#move(this.#at, hole);
      hole = this.#at;
    }
    this.#move(this.#several.length - 1, hole);
    this.#several.pop();
    subscriber.place = -1;
  }

  /** @see ManyHost */
  release(subscriber: ManySubscriber): void {
    for (const executionId of subscriber.executionIds) {
      const topic = this.#topics.get(executionId);
      if (topic === undefined) continue;
      topic.several -= 1;
      this.left(topic);
    }
  }

  #open(request: StreamRequest, response: ServerResponse, topics: readonly Topic[]): Subscriber {
    const { lastId, timeoutMs, after, filter, openIds, gaps, executionIds, many, keepOpen = false } = request;
    if (request.view === "progress") {
      const feeds = new Map(
        topics.map((topic) => {
          // The execution may have got further since it was looked up.
          const lastEvent = Math.max(topic.lastEvent, request.lastEvents.get(topic.executionId) ?? lastId);
          return [topic.executionId, { topic, feed: topic.takeFeed(this.#parts.readProgress, lastEvent) }] as const;
        }),
      );
      return new ProgressSubscriber(this, response, { feeds, many, lastId, timeoutMs });
    }
    const [topic] = topics;
    if (many || topic === undefined) {
      for (const each of topics) each.several += 1;
      const from = Math.max(...topics.map((each) => each.delivered));
      return new ManySubscriber(
        this,
        response,
        { executionIds, openIds, after, lastId, gaps, filter, timeoutMs, keepOpen },
        from,
      );
    }
    return new EventSubscriber(this, response, topic, topic.takeChannel(filter), {
      after,
      lastId,
      over: openIds.length === 0,
      gapTold: gaps.size > 0,
      timeoutMs,
    });
  }

  /** The topic of an execution, held until it is let go of. */
  async #hold(executionId: string): Promise<Topic> {
    while (true) {
      let coming = this.#coming.get(executionId);
      const there = this.#topics.get(executionId);
      if (coming === undefined && there === undefined) {
        coming = this.#watch(executionId).finally(() => this.#coming.delete(executionId));
        this.#coming.set(executionId, coming);
      }
      const topic = coming === undefined ? there : await coming;
      // Another stream may have come and gone meanwhile, and the topic with it.
      if (topic === undefined || this.#topics.get(executionId) !== topic) continue;
      topic.held += 1;
      return topic;
    }
  }

  async #watch(executionId: string): Promise<Topic> {
    const { journal, watch } = this.#parts;
    const topic = new Topic(this.shelf, executionId, watch === undefined ? this.#head : 0);
    let watched = false;
    // From here on nothing that is told of it is lost on it.
    this.#topics.set(executionId, topic);
    topic.held += 1;
    try {
      if (watch !== undefined) {
        const from = await watch(executionId);
        watched = true;
        topic.begin(from);
        this.#head = Math.max(this.#head, from);
        this.#deliverDue();
      }
      const bounds = await journal.bounds(executionId);
      if (bounds !== null) topic.learn(bounds);
      return topic;
    } catch (error) {
      this.#topics.delete(executionId);
      this.#due.delete(topic);
      if (watched) this.#parts.unwatch?.(executionId);
      throw error;
    } finally {
      topic.held -= 1;
    }
  }

  /** @see SubscriberHost */
  left(topic: Topic): void {
    if (!topic.empty || this.#topics.get(topic.executionId) !== topic) return;
    this.#topics.delete(topic.executionId);
    this.#due.delete(topic);
    this.#parts.unwatch?.(topic.executionId);
  }

  #publish(entries: readonly JournalEntry[]): void {
    this.#head = Math.max(this.#head, entries.at(-1)?.last ?? 0);
    this.#headTimes.note(this.#head, performance.now());
    if (this.#topics.size > 0) {
      for (const entry of entries) {
        const topic = this.#topics.get(entry.executionId);
        if (topic === undefined) continue;
        topic.add(entry);
        this.#due.add(topic);
      }
    }
    this.#deliverDue();
  }

  /** The first delivery after a rest goes out at once, within the turn of its commit. */
  #deliverDue(): void {
    if (this.#delivering) return;
    if (this.#due.size === 0) {
      this.#edge = this.#head;
      return;
    }
    this.#delivering = true;
    this.#deliver();
  }

  async #deliver(): Promise<void> {
    while (this.#due.size > 0) {
      const slices = new Slices();
      const due = this.#due;
      const head = this.#head;
      this.#due = new Set();
      const batch = [...due].map((topic) => ({ topic, waiting: topic.take() }));
      for (const { topic, waiting } of batch) await topic.deliver(waiting, slices);
      // Those that are told to read what there was too much of may read up to here.
      this.#edge = head;
      if (this.#several.length > 0) await this.#deliverSeveral(batch, slices);
      const turns = Math.min(MAX_TURNS, Math.floor(slices.spentMs / MS_PER_TURN));
      for (let turn = 0; turn < turns; turn += 1) await nextTurn();
    }
    this.#edge = this.#head;
    this.#delivering = false;
  }

  /** Each gets the entries of its own executions, in the order of positions. */
  async #deliverSeveral(batch: readonly { topic: Topic; waiting: Waiting }[], slices: Slices): Promise<void> {
    const waiting = new Map(batch.map((each) => [each.topic.executionId, each.waiting]));
    for (this.#at = 0; this.#at < this.#several.length; ) {
      const subscriber = this.#several[this.#at];
      this.#at += 1;
      const own = subscriber?.executionIds.flatMap((executionId) => waiting.get(executionId) ?? []) ?? [];
      if (subscriber === undefined || own.length === 0) continue;
      try {
        if (own.some(({ unread }) => unread)) subscriber.fallBehind(Math.max(...own.map(({ last }) => last)));
        else subscriber.deliver(inOrder(own));
      } catch {
        // A stream's failure ends that stream, and nothing else.
        subscriber.cut();
      }
      if (slices.over) await slices.rest();
    }
    this.#at = 0;
  }

  #move(from: number, to: number): void {
    const subscriber = this.#several[from];
    if (subscriber === undefined || from === to) return;
    this.#several[to] = subscriber;
    subscriber.place = to;
  }
}

function inOrder(waiting: readonly Waiting[]): JournalEntry[] {
  const entries = waiting.flatMap((each) => each.entries);
  return waiting.length === 1 ? entries : entries.sort((a, b) => a.first - b.first);
}
