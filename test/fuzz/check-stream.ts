import { executionEventSchema, progressDataSchema, storedObjectSchema } from "@millrace/protocol";

/** What a stream carried, as far as it was read. */
export interface CheckedStream {
  readonly ids: readonly string[];
  readonly ended: boolean;
}

const ID = /^[A-Za-z0-9._:-]{1,127}$/;
const EVENTS = new Set(["initiated", "processing", "completed", "failed"]);
const REASONS = new Set(["completed", "failed", "cancelled", "timeout", "interrupted", "shutdown"]);

/**
 * Reads a stream as the contract has it, byte by byte: nothing is taken that it does not promise. `left`: the client went
 * away, so that the last block may be a part of one. `many`: it is of several executions, each of which has an end.
 * @throws Error with what is not as promised
 */
export function checkStream(
  body: Buffer,
  { left, many }: { readonly left: boolean; readonly many: boolean },
): CheckedStream {
  const text = new TextDecoder("utf-8", { fatal: !left, ignoreBOM: true }).decode(body);
  if (text.includes("\r") || text.startsWith("\ufeff")) throw new Error("a carriage return, or a byte order mark");
  const retry = /^retry: (\d+)\n/.exec(text);
  if (retry === null) {
    if (left && "retry: 0000\n".length > text.length) return { ids: [], ended: false };
    throw new Error(`it does not begin with retry: ${text.slice(0, 40)}`);
  }
  if (Number(retry[1]) < 2000 || Number(retry[1]) > 5000) throw new Error(`retry: ${retry[1]}`);
  const ids: string[] = [];
  let ended = false;
  let last = -1;
  let rest = text.slice(retry[0].length);
  while (rest !== "") {
    if (rest.startsWith(":\n")) {
      rest = rest.slice(2);
      continue;
    }
    const end = rest.indexOf("\n\n");
    if (end < 0) {
      if (left) break;
      throw new Error(`a part of a block at the end: ${rest.slice(0, 100)}`);
    }
    if (ended && !many) throw new Error(`a block after the end: ${rest.slice(0, 100)}`);
    const block = rest.slice(0, end);
    rest = rest.slice(end + 2);
    const [, event = "", data = "", id] = /^event: (\w+)\ndata: ([^\n]*)(?:\nid: ([^\n]*))?$/.exec(block) ?? [];
    if (event === "") throw new Error(`no block of the contract: ${block.slice(0, 200)}`);
    if (id === undefined || !ID.test(id)) throw new Error(`the id of ${event}: ${id}`);
    checkData(event, JSON.parse(data));
    if (many && event === "end" && fieldOf(JSON.parse(data), "execution_id") === "" && !/timeout|shutdown/.test(data))
      throw new Error("an end of no execution");
    if (EVENTS.has(event) || event === "written") {
      if (Number(id) <= last) throw new Error(`ids grow: ${id} after ${last}`);
      last = Number(id);
      ids.push(id);
    }
    ended = event === "end";
  }
  return { ids, ended };
}

function checkData(event: string, data: unknown): void {
  if (EVENTS.has(event)) executionEventSchema.parse(data);
  else if (event === "written") storedObjectSchema.parse(data);
  else if (event === "progress") progressDataSchema.parse(data);
  else if (event === "end") {
    if (!REASONS.has(fieldOf(data, "reason"))) throw new Error(`the end's reason: ${JSON.stringify(data)}`);
  } else if (event !== "gap") throw new Error(`an event of no known type: ${event}`);
}

function fieldOf(data: unknown, name: string): string {
  return typeof data === "object" && data !== null
    ? String(Object.entries(data).find(([key]) => key === name)?.[1])
    : "";
}
