import type { ExecutionRecord, Executions, KeptMessages, KeptStatus } from "@millrace/engine";
import { isTerminal, type JsonObject, MAX_REPLAYED_MESSAGES, MillraceError } from "@millrace/protocol";
import { outlineOf } from "../http/execution-view.ts";
import type { Collected, Replay, Source } from "./collected.ts";

const STATUSES: readonly KeptStatus[] = ["completed", "failed", "pending"];

/** Messages that are looked through between two turns of the event loop. */
const PAGE_MESSAGES = 2_000;

/**
 * What went into a route, with the payloads that it had: as far as these are kept, in the order in which the messages
 * were put into the route's queue. The execution's first message is in its snapshot, whatever is kept.
 */
export async function fromKept(
  parts: { readonly kept: KeptMessages; readonly executions: Pick<Executions, "progress"> },
  parent: ExecutionRecord,
  body: Replay,
  collected: Collected,
): Promise<Source> {
  const { kept } = parts;
  const route = routeOf(parent, body.from_stage ?? "");
  const statuses = wanted(parent, body);
  // In this order: what is settled in between must not look as if it were missing.
  const went = await wentInto(parts.executions, parent, route);
  const there = await kept.count(parent.id, route);
  const initial = await snapshotMessage(kept, parent, route);
  const initialStatus: KeptStatus = went.completed > there.completed ? "completed" : "pending";
  const fromSnapshot = initial !== null && statuses.includes(initialStatus) ? 1 : 0;
  const sum = (counts: Readonly<Record<KeptStatus, number>>) =>
    statuses.reduce((total, status) => total + counts[status], 0);
  const found = sum(there) + fromSnapshot;
  const missing = Math.max(0, sum(went) - found);
  if (missing > 0 && !body.skip_missing) throw payloadsMissing(route, missing, found);
  const offset = body.offset ?? 0;
  const limit = body.limit ?? MAX_REPLAYED_MESSAGES;
  if (found <= offset) {
    if (found > 0) throw nothing(`Of ${count(found)}, none is left after the first ${offset}.`);
    if (missing > 0) throw payloadsMissing(route, missing, found);
    throw nothing(
      statuses.length === STATUSES.length
        ? `No message went into the route "${route}".`
        : `No message that is ${statuses.join(" or ")} went into the route "${route}".`,
    );
  }
  if (body.limit === undefined && found - offset > MAX_REPLAYED_MESSAGES) {
    throw new MillraceError(
      "TOO_MANY_MESSAGES",
      `${count(found - offset)} would be replayed; a replay begins with at most ${MAX_REPLAYED_MESSAGES}. Replay them in parts, with limit and offset.`,
    );
  }
  if (fromSnapshot === 1 && initial !== null && offset === 0) collected.add(initial);
  let skip = Math.max(0, offset - fromSnapshot);
  for (let last = 0; collected.size < limit; ) {
    const page = await kept.after(parent.id, route, statuses, last, PAGE_MESSAGES);
    for (const message of page) {
      if (skip > 0) skip -= 1;
      else if (collected.size < limit) collected.copy(message);
    }
    const end = page.at(-1)?.seq;
    if (end === undefined) break;
    last = end;
    await new Promise((resolve) => setImmediate(resolve));
  }
  // They were counted a moment ago; a deletion, retention or a retry may have come between.
  if (collected.size < Math.min(limit, found - offset)) {
    throw nothing(
      `Of ${count(found)} that were to be replayed, some were removed, or retried, while they were read; nothing was started. Ask again for those that are left.`,
    );
  }
  return collected.source({
    ...(body.message_status === undefined ? {} : { message_status: statuses.slice() }),
    ...(body.limit === undefined && offset === 0 ? {} : { offset }),
    remaining: Math.max(0, found - offset - collected.size),
    not_kept: missing,
  });
}

/** A stage is a route, or `route/adapter` as the lineage names it: payloads are there for the first adapter of a route. */
function routeOf(parent: ExecutionRecord, stage: string): string {
  const outline = outlineOf(parent);
  const [name = "", adapter] = stage.split(/\/(.*)/s);
  const found = outline.find(({ route }) => route === name);
  if (found === undefined) {
    const routes = outline.map(({ route }) => route).join(", ");
    throw nothing(`The execution had no route "${name.slice(0, 128)}". It had: ${routes}.`);
  }
  const first = found.adapters[0]?.name;
  if (adapter === undefined || adapter === first) return name;
  throw nothing(
    `Payloads are kept as they go into a route, not between its adapters: "${name}" begins with "${first}". Replay from "${name}".`,
  );
}

/** What waits or is in flight in an execution that is not over is done by that one. */
function wanted(parent: ExecutionRecord, body: Replay): readonly KeptStatus[] {
  const asked = STATUSES.filter((status) => body.message_status?.includes(status) ?? true);
  if (isTerminal(parent.status)) return asked;
  const settled = asked.filter((status) => status !== "pending");
  if (settled.length > 0) return settled;
  throw nothing(
    `The execution is ${parent.status}: its pending messages are still to be done by itself. End it first, or replay those that are completed or failed.`,
  );
}

/** How many messages of each status went into a route, as the journal tells. */
async function wentInto(
  executions: Pick<Executions, "progress">,
  parent: ExecutionRecord,
  route: string,
): Promise<Readonly<Record<KeptStatus, number>>> {
  const progress = await executions.progress(parent.id);
  const known = progress?.routes[route];
  const { announced = 0, completed = 0, failed = 0 } = known ?? {};
  return { completed, failed, pending: isTerminal(parent.status) ? Math.max(0, announced - completed - failed) : 0 };
}

/** The payload of the execution's first message, where it went into the route and is not among those that are kept. */
async function snapshotMessage(kept: KeptMessages, parent: ExecutionRecord, route: string): Promise<JsonObject | null> {
  const { init_message: init } = parent.configSnapshot;
  if (typeof init !== "object" || init === null || Array.isArray(init) || init.route !== route) return null;
  const { payload } = init;
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) return null;
  // It was put into the queue before all others.
  const [first] = await kept.after(parent.id, route, STATUSES, 0, 1);
  return first?.id === parent.rootCorrelationId ? null : payload;
}

function payloadsMissing(route: string, missing: number, found: number): MillraceError {
  const advice =
    found === 0
      ? "Replay from stored objects (storage), or give payloads (manual)."
      : `To replay the ${found} that are kept, ask again with skip_missing: true.`;
  return new MillraceError(
    "PAYLOADS_MISSING",
    `Of the messages that went into "${route}", the payload${missing === 1 ? " of 1 is" : `s of ${missing} are`} not kept; nothing was started. ${advice} Payloads stay where the pipeline, or the service, has keep_payloads: all when the messages are settled, and retention leaves them.`,
  );
}

function nothing(text: string): MillraceError {
  return new MillraceError("NOTHING_TO_REPLAY", text);
}

function count(messages: number): string {
  return `${messages} message${messages === 1 ? "" : "s"}`;
}
