import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { createClient } from "@millrace/client";
import { createParser } from "eventsource-parser";
import { watch } from "../../examples/clients/eventsource.ts";
import type { Frame } from "../support/read-stream.ts";

/** A client that stays through everything; resolves with the ids of the events that it saw, in the order it saw them. */
export type Attached = (service: string, path: string, signal: AbortSignal) => Promise<string[]>;

const EVENTS = new Set(["initiated", "processing", "completed", "failed", "written"]);

/** A socket, HTTP/1.0, and the last id that came over it; it is over when the service says 204. */
export const overSocket: Attached = async (service, path, signal) => {
  const seen: string[] = [];
  let cursor = "";
  while (!signal.aborted) {
    const { status, frames } = await readOnce(service, path, cursor, signal);
    for (const frame of frames) {
      cursor = frame.id ?? cursor;
      if (EVENTS.has(frame.event)) seen.push(frame.id ?? "");
    }
    if (status === 204) return seen;
    if (status >= 400 && status !== 503) throw new Error(`The service answers ${path} with ${status}.`);
    await wait(15);
  }
  return seen;
};

/** `EventSource`, as docs/events.md has it. */
export const overEventSource: Attached = async (service, path) => {
  const seen: string[] = [];
  await watch(`${service}${path}`, (type, _, id) => {
    if (EVENTS.has(type)) seen.push(id);
  });
  return seen;
};

/** The client library. */
export const overLibrary: Attached = async (service, path, signal) => {
  const seen: string[] = [];
  const id = path.split("/")[4] ?? "";
  for await (const event of createClient({ baseUrl: service }).executions.events(id, { signal })) {
    if (EVENTS.has(event.type)) seen.push(event.id);
  }
  return seen;
};

/** What comes over one connection before it breaks or ends; whole frames only. */
function readOnce(
  service: string,
  path: string,
  cursor: string,
  signal: AbortSignal,
): Promise<{ status: number; frames: Frame[] }> {
  const { hostname, port } = new URL(service);
  return new Promise((resolve) => {
    const frames: Frame[] = [];
    let status = 0;
    let head = "";
    const parser = createParser({
      onEvent: ({ event, id, data }) => frames.push({ event: event ?? "message", id, data: JSON.parse(data) }),
    });
    const socket = connect({ port: Number(port), host: hostname, signal });
    socket.setEncoding("utf8");
    socket.on("error", () => undefined);
    socket.on("close", () => resolve({ status, frames }));
    socket.on("data", (chunk: string) => {
      if (status !== 0) {
        parser.feed(chunk);
        return;
      }
      head += chunk;
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      status = Number(head.split(" ")[1]);
      if (status === 200) parser.feed(head.slice(end + 4));
    });
    const resume = cursor === "" ? "" : `Last-Event-ID: ${cursor}\r\n`;
    socket.write(`GET ${path} HTTP/1.0\r\nHost: ${hostname}\r\n${resume}\r\n`);
  });
}
