import { MillraceError } from "@millrace/protocol";
import type { Msg, Subscription } from "@nats-io/transport-node";
import { decodeReply, decodeRequest, encodeError, encodeReply, encodeRequest, toError } from "./call-envelopes.ts";
import { IncomingParcel, OutgoingParcel, Room } from "./parcels.ts";

/** The largest body of a request or an answer, in bytes. */
export const MAX_CALL_BYTES = 64 * 1024 * 1024;

/** A part of a body in one message, in bytes, where the server takes as much: others have their turn between two. */
const PART_BYTES = 256 * 1024;

/** What an envelope's head takes at most, in bytes, but for the text of an error. */
const HEAD_BYTES = 1024;

/** Bodies that are received at once, in bytes; others wait. */
const ROOM_BYTES = 64 * 1024 * 1024;

/** A body of which nothing more is granted or sent for so long, in milliseconds, is given up. */
const IDLE_MS = 10_000;

/** The part of a connection that calls need. What is sent while it is away is lost. */
export interface CallConnection {
  readonly connected: boolean;
  /** Largest message that the server takes, in bytes. */
  readonly maxBytes: number;
  send(subject: string, data: Uint8Array, reply?: string): void;
  subscribe(subject: string, options: { queue?: string }, listener: (message: Msg) => void): Subscription;
}

/** A request that waits for its answer. */
interface Asked {
  readonly subject: string;
  readonly reject: (error: Error) => void;
}

/**
 * Requests and answers, of any size: a body that does not fit into one message goes in parts, as the other side grants
 * them. Each side has one subject of its own for all that it is sent; its last token says which call it is about.
 */
export class Calls {
  readonly #connection: CallConnection;
  readonly #inbox: string;
  readonly #listeners = new Map<string, (message: Msg) => void>();
  readonly #asked = new Set<Asked>();
  readonly #answering = new Set<Subscription>();
  /** Where the answers are due that are being made. */
  readonly #due = new Set<string>();
  readonly #answers = new Room(ROOM_BYTES);
  readonly #requests = new Room(ROOM_BYTES);
  #lastToken = 0;

  /** `inbox`: subjects that begin so are this connection's alone. */
  constructor(connection: CallConnection, inbox: string) {
    this.#connection = connection;
    this.#inbox = inbox;
    connection.subscribe(`${inbox}.*`, {}, (message) => {
      this.#listeners.get(message.subject.slice(inbox.length + 1))?.(message);
    });
  }

  /** @see Bus.request */
  async request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (data.length > MAX_CALL_BYTES) throw tooLarge("request", subject, data.length);
    if (!this.#connection.connected) throw unreachable(subject, "NATS cannot be reached at present");
    const parcel = new OutgoingParcel(data, this.#partBytes);
    let incoming: IncomingParcel | null = null;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const timer = setTimeout(() => reject(unreachable(subject, `it did not answer within ${timeoutMs} ms`)), timeoutMs);
    const asked: Asked = { subject, reject };
    this.#asked.add(asked);
    const own = this.#listen((message) => {
      if (message.headers?.code === 503) {
        reject(unreachable(subject, "no node answers for it"));
        return;
      }
      try {
        const { head, body } = decodeReply(message.data);
        const { reply } = message;
        if (head.kind === "error") reject(toError(head));
        else if (head.kind === "part") incoming?.add(head.at, body);
        else if (head.kind === "grant") this.#sendParts(parcel, head.up_to, reply, own.subject);
        else if (head.bytes === body.length) resolve(body);
        else if (head.bytes > MAX_CALL_BYTES || reply === undefined) throw tooLarge("answer", subject, head.bytes);
        else {
          incoming = this.#receive(head.bytes, body, this.#answers, reply, undefined);
          incoming.whole.then(resolve, (error) => reject(unreachable(subject, `of its answer ${error.message}`)));
        }
      } catch (error) {
        reject(error);
      }
    });
    try {
      const head = { kind: "request", bytes: data.length, timeout_ms: timeoutMs } as const;
      this.#send(subject, encodeRequest(head, parcel.first), own.subject);
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#asked.delete(asked);
      own.stop();
      this.#giveUp(incoming);
    }
  }

  /** @see Bus.answer */
  answer(subject: string, handler: (data: Uint8Array) => Promise<Uint8Array>): () => void {
    // Should two answer for one subject, one of them is asked.
    const subscription = this.#connection.subscribe(subject, { queue: "answer" }, (message) => {
      const { reply } = message;
      if (reply !== undefined && reply !== "") this.#answer(subject, message.data, reply, handler);
    });
    this.#answering.add(subscription);
    return () => {
      this.#answering.delete(subscription);
      subscription.unsubscribe();
    };
  }

  /** Takes no more requests: once the server knows, whoever asks is told at once that nobody answers. */
  stopAnswering(): void {
    for (const subscription of this.#answering) subscription.unsubscribe();
    this.#answering.clear();
  }

  /** Tells those whose answers are still being made that none will come. */
  giveUpAnswers(reason: string): void {
    for (const reply of this.#due) this.#send(reply, encodeError(unreachable("The node", reason)));
    this.#due.clear();
  }

  /** The connection is lost, and with it what was under way: whoever waits is told. */
  lost(reason: string): void {
    for (const { subject, reject } of this.#asked) reject(unreachable(subject, reason));
  }

  async #answer(
    subject: string,
    data: Uint8Array,
    reply: string,
    handler: (data: Uint8Array) => Promise<Uint8Array>,
  ): Promise<void> {
    this.#due.add(reply);
    try {
      const { head, body } = decodeRequest(data);
      const whole = head.bytes === body.length ? body : await this.#receiveRequest(subject, head, body, reply);
      const answer = await handler(whole);
      if (answer.length > MAX_CALL_BYTES) throw tooLarge("answer", subject, answer.length);
      if (this.#due.delete(reply)) this.#sendAnswer(answer, reply);
    } catch (error) {
      if (this.#due.delete(reply)) this.#send(reply, encodeError(error));
    }
  }

  async #receiveRequest(
    subject: string,
    head: { readonly bytes: number; readonly timeout_ms: number },
    first: Buffer,
    reply: string,
  ): Promise<Buffer> {
    if (head.bytes > MAX_CALL_BYTES) throw tooLarge("request", subject, head.bytes);
    let parcel: IncomingParcel | null = null;
    const own = this.#listen((message) => {
      try {
        const part = decodeReply(message.data);
        if (part.head.kind === "part") parcel?.add(part.head.at, part.body);
      } catch (error) {
        parcel?.fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
    const receiving = this.#receive(head.bytes, first, this.#requests, reply, own.subject);
    parcel = receiving;
    const late = setTimeout(() => receiving.fail(new Error("it was not waited for any more")), head.timeout_ms);
    try {
      return await receiving.whole;
    } catch (error) {
      throw unreachable(subject, `of the request ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      clearTimeout(late);
      own.stop();
    }
  }

  #sendAnswer(answer: Uint8Array, reply: string): void {
    const parcel = new OutgoingParcel(answer, this.#partBytes);
    const head = encodeReply({ kind: "answer", bytes: answer.length }, parcel.first);
    if (parcel.sent) {
      this.#send(reply, head);
      return;
    }
    const own = this.#listen((message) => {
      try {
        const { head: granted } = decodeReply(message.data);
        if (granted.kind !== "grant") return;
        idle.refresh();
        this.#sendParts(parcel, granted.up_to, reply, undefined);
        if (!parcel.sent) return;
      } catch {
        // Whoever asked does not understand what it is sent, or is not understood: it hears no more of it.
      }
      clearTimeout(idle);
      own.stop();
    });
    const idle = setTimeout(() => own.stop(), IDLE_MS);
    idle.unref();
    this.#send(reply, head, own.subject);
  }

  #receive(bytes: number, first: Buffer, room: Room, to: string, own: string | undefined): IncomingParcel {
    return new IncomingParcel(bytes, first, room, IDLE_MS, (upTo) =>
      this.#send(to, encodeReply({ kind: "grant", up_to: upTo }), own),
    );
  }

  #sendParts(parcel: OutgoingParcel, upTo: number, to: string | undefined, own: string | undefined): void {
    if (to === undefined) return;
    parcel.grant(upTo, (at, part) => this.#send(to, encodeReply({ kind: "part", at }, part), own));
  }

  #giveUp(parcel: IncomingParcel | null): void {
    parcel?.fail(new Error("it is not waited for any more"));
  }

  #listen(listener: (message: Msg) => void): { readonly subject: string; readonly stop: () => void } {
    this.#lastToken += 1;
    const token = String(this.#lastToken);
    this.#listeners.set(token, listener);
    return { subject: `${this.#inbox}.${token}`, stop: () => this.#listeners.delete(token) };
  }

  #send(subject: string, data: Uint8Array, reply?: string): void {
    this.#connection.send(subject, data, reply);
  }

  get #partBytes(): number {
    return Math.min(PART_BYTES, this.#connection.maxBytes - HEAD_BYTES);
  }
}

function unreachable(subject: string, reason: string): MillraceError {
  return new MillraceError("NODE_UNREACHABLE", `${subject} cannot be asked: ${reason}. Try again shortly.`);
}

function tooLarge(what: "request" | "answer", subject: string, bytes: number): MillraceError {
  return new MillraceError(
    "PAYLOAD_TOO_LARGE",
    `The ${what} of ${bytes} bytes for ${subject} is larger than the ${MAX_CALL_BYTES} bytes that one may have.`,
  );
}
