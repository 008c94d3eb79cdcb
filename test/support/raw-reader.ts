import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createParser } from "eventsource-parser";
import type { Frame } from "./read-stream.ts";

/** A reader over a raw socket, HTTP/1.0, which reads only when it is told to. */
export class RawReader {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  /** The answer's head, once it has come. */
  head = "";
  text = "";
  readonly #ended: Promise<unknown>;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#ended = once(socket, "close");
    const parser = createParser({
      onEvent: ({ event, id, data }) => this.frames.push({ event: event ?? "message", id, data: JSON.parse(data) }),
    });
    socket.setEncoding("utf8");
    socket.on("error", () => undefined);
    socket.on("data", (chunk: string) => {
      this.text += chunk;
      const end = this.text.indexOf("\r\n\r\n");
      if (this.head !== "") parser.feed(chunk);
      else if (end >= 0) {
        this.head = this.text.slice(0, end);
        parser.feed(this.text.slice(end + 4));
      }
    });
  }

  /** Opens `url`; the head has come when it returns. */
  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawReader> {
    const { hostname, port, pathname, search } = new URL(url);
    const socket = connect(Number(port), hostname);
    const reader = new RawReader(socket);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${pathname}${search} HTTP/1.0\r\nHost: ${hostname}\r\n${lines.join("")}\r\n`);
    while (reader.head === "" && !socket.closed) await Promise.race([once(socket, "data"), once(socket, "close")]);
    return reader;
  }

  get status(): number {
    return Number(this.head.split(" ")[1]);
  }

  /** Reads nothing until {@link resume}. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Resolves when the service has closed the stream. */
  async ended(): Promise<void> {
    await this.#ended;
  }

  cut(): void {
    this.socket.destroy();
  }
}
