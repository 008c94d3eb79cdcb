/** A place in a trace, as W3C Trace Context carries it from one service to the next. */
export interface TraceContext {
  /** 32 hexadecimal digits, in lower case. */
  readonly traceId: string;
  /** 16 hexadecimal digits, in lower case. */
  readonly spanId: string;
  /** Whether its spans are recorded. */
  readonly sampled: boolean;
  /** What `tracestate` says: passed on as it is. */
  readonly state: string | null;
}

/** A context as headers of a request carry it. */
export interface TraceHeaders {
  readonly traceparent: string;
  readonly tracestate: string | null;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** As much as anyone must pass on, in characters, of so many members. */
const MAX_STATE = 512;
const MAX_MEMBERS = 32;
const MEMBER = /^[a-z0-9][a-z0-9_\-*/]{0,240}(?:@[a-z][a-z0-9_\-*/]{0,13})?=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}$/;

/**
 * Reads the headers of a request (W3C Trace Context, section 3). Null where `traceparent` is none, or is wrong: whoever
 * sent it is then no part of the trace. A wrong `tracestate` is left out.
 */
export function parseTraceContext(traceparent: unknown, tracestate: unknown = null): TraceContext | null {
  const found = typeof traceparent === "string" ? TRACEPARENT.exec(traceparent.trim()) : null;
  if (found === null) return null;
  const [, version = "", traceId = "", spanId = "", flags = "", more] = found;
  // Later versions may add to it; this one has nothing more.
  if (version === "ff" || (version === "00" && more !== undefined)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1, state: parseState(tracestate) };
}

/** The header that says where it is. */
export function traceparentOf({ traceId, spanId, sampled }: Omit<TraceContext, "state">): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

function parseState(text: unknown): string | null {
  if (typeof text !== "string" || text.length > MAX_STATE) return null;
  const members = text
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "");
  const isRight = members.length <= MAX_MEMBERS && members.every((member) => MEMBER.test(member));
  return isRight && members.length > 0 ? members.join(",") : null;
}
