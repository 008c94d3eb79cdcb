import type { AdapterLog } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import type { FromThread } from "./thread-messages.ts";

/** Lines that may be on their way. An adapter that logs in a circle waits here: what it says must not fill the service's memory. */
const MAX_OPEN_LINES = 256;

/** The longest line, in characters. */
const MAX_LINE = 64 * 1024;

type Level = "debug" | "info" | "warn" | "error";

/** Sends lines of the log to the service; in the thread. */
export class LineSender {
  readonly #open: Int32Array<SharedArrayBuffer>;
  readonly #send: (message: FromThread) => void;

  constructor(open: Int32Array<SharedArrayBuffer>, send: (message: FromThread) => void) {
    this.#open = open;
    this.#send = send;
  }

  send(run: number | null, level: Level, text: string, fields?: JsonObject): void {
    for (let open = Atomics.load(this.#open, 0); open >= MAX_OPEN_LINES; open = Atomics.load(this.#open, 0)) {
      Atomics.wait(this.#open, 0, open);
    }
    Atomics.add(this.#open, 0, 1);
    const line = { kind: "log", run, level, text: shorten(String(text)) } as const;
    this.#send(fields === undefined ? line : { ...line, fields: plain(fields) });
  }

  /** The log of one step. */
  logOf(run: number): AdapterLog {
    return {
      debug: (text, fields) => this.send(run, "debug", text, fields),
      info: (text, fields) => this.send(run, "info", text, fields),
      warn: (text, fields) => this.send(run, "warn", text, fields),
      error: (text, fields) => this.send(run, "error", text, fields),
    };
  }
}

/** A line has been written: whoever waits to send another may. In the service. */
export function lineWritten(open: Int32Array<SharedArrayBuffer>): void {
  Atomics.sub(open, 0, 1);
  Atomics.notify(open, 0);
}

function shorten(text: string): string {
  return text.length <= MAX_LINE ? text : `${text.slice(0, MAX_LINE)}…`;
}

/** As JSON shows it: a function or a circle among the fields must not stop the line. */
function plain(fields: JsonObject): JsonObject {
  try {
    const json = JSON.stringify(fields);
    return json.length <= MAX_LINE ? JSON.parse(json) : { fields: shorten(json) };
  } catch {
    return { fields: "cannot be shown" };
  }
}
