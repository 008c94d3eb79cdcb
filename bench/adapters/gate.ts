import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { defineAdapter, z } from "millrace";

/**
 * Lets one message pass for each trigger that comes over a socket: a chain of gates makes one event a trigger, when the
 * driver wants it. A trigger is eight bytes: a topic and a count, 32 bits each, little-endian; a message belongs to the
 * topic that its payload names.
 */
export default defineAdapter({
  type: "gate",
  description: "Waits for a trigger, then passes the message on.",
  config: z.strictObject({ socket: z.string().describe("The path of the Unix socket that triggers come over") }),
  prepare: ({ socket }) => gatesOf(socket),
  process: ({ payload }, { prepared, signal }) =>
    prepared.pass(typeof payload.topic === "number" ? payload.topic : 0, signal).then(() => payload),
});

const all = new Map<string, Gates>();

function gatesOf(socket: string): Gates {
  let gates = all.get(socket);
  if (gates === undefined) {
    gates = new Gates(socket);
    all.set(socket, gates);
  }
  return gates;
}

interface Topic {
  readonly waiting: (() => void)[];
  /** The first of `waiting` that still waits. */
  next: number;
  triggers: number;
}

class Gates {
  readonly #topics: Topic[] = [];
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    rmSync(path, { force: true });
    createServer((socket) => {
      socket.on("data", (bytes: Buffer) => this.#read(bytes));
      socket.on("error", () => undefined);
    })
      .listen(path)
      .unref();
  }

  pass(at: number, signal: AbortSignal): Promise<void> {
    const topic = this.#topic(at);
    if (topic.triggers > 0) {
      topic.triggers -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      topic.waiting.push(resolve);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  #read(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    for (; at + 8 <= all.length; at += 8) this.#trigger(all.readUInt32LE(at), all.readUInt32LE(at + 4));
    this.#rest = Buffer.from(all.subarray(at));
  }

  #trigger(at: number, count: number): void {
    const topic = this.#topic(at);
    for (; count > 0; count -= 1) {
      const pass = topic.waiting[topic.next];
      if (pass === undefined) {
        topic.triggers += count;
        break;
      }
      topic.next += 1;
      pass();
    }
    if (topic.next < 1_000) return;
    topic.waiting.splice(0, topic.next);
    topic.next = 0;
  }

  #topic(at: number): Topic {
    let topic = this.#topics[at];
    if (topic === undefined) {
      topic = { waiting: [], next: 0, triggers: 0 };
      this.#topics[at] = topic;
    }
    return topic;
  }
}
