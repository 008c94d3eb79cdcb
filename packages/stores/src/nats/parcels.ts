/** Parts of a body that may be under way at once, in bytes: what a receiver grants ahead of what it has. */
const WINDOW_BYTES = 1024 * 1024;

/** A body on its way out. The first part goes with its envelope, the others as far as the receiver grants. */
export class OutgoingParcel {
  readonly #body: Uint8Array;
  readonly #partBytes: number;
  #sent: number;

  constructor(body: Uint8Array, partBytes: number) {
    this.#body = body;
    this.#partBytes = partBytes;
    this.#sent = Math.min(body.length, partBytes);
  }

  /** What goes with the envelope. */
  get first(): Uint8Array {
    return this.#body.subarray(0, Math.min(this.#body.length, this.#partBytes));
  }

  /** Whether all of it was sent. */
  get sent(): boolean {
    return this.#sent === this.#body.length;
  }

  /** Sends what may be sent by now: up to a byte. */
  grant(upTo: number, send: (at: number, part: Uint8Array) => void): void {
    while (this.#sent < Math.min(upTo, this.#body.length)) {
      const at = this.#sent;
      this.#sent = Math.min(at + this.#partBytes, upTo, this.#body.length);
      send(at, this.#body.subarray(at, this.#sent));
    }
  }
}

/**
 * A body on its way in. States: waiting (for room) → receiving → whole, or failed: a part is missing, or the other side
 * sends nothing any more.
 */
export class IncomingParcel {
  /** Resolves when it is whole; rejects when it fails. */
  readonly whole: Promise<Buffer>;
  readonly #room: Room;
  readonly #grant: (upTo: number) => void;
  readonly #idleMs: number;
  readonly #bytes: number;
  #resolve: (body: Buffer) => void = () => {};
  #reject: (error: Error) => void = () => {};
  #body: Buffer | null = null;
  #received = 0;
  #granted = 0;
  #over = false;
  #idle: NodeJS.Timeout | undefined;

  /** `bytes` in all, of which `first` is here. `grant` tells the sender up to where it may send. */
  constructor(bytes: number, first: Uint8Array, room: Room, idleMs: number, grant: (upTo: number) => void) {
    this.#bytes = bytes;
    this.#room = room;
    this.#idleMs = idleMs;
    this.#grant = grant;
    this.whole = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever awaits it is told; that nobody does is no fault of the process.
    this.whole.catch(() => undefined);
    room.enter(bytes, () => this.#begin(first));
  }

  /** A part that has come. */
  add(at: number, part: Uint8Array): void {
    if (this.#body === null || this.#over) return;
    if (at !== this.#received || at + part.length > this.#bytes) {
      this.fail(new Error("a part of it was lost on its way"));
      return;
    }
    this.#take(part);
  }

  /** Gives it up. */
  fail(error: Error): void {
    if (this.#over) return;
    this.#end();
    this.#reject(error);
  }

  /** False where it was given up while it waited for room: it takes none. */
  #begin(first: Uint8Array): boolean {
    if (this.#over) return false;
    this.#body = Buffer.allocUnsafe(this.#bytes);
    this.#take(first);
    return true;
  }

  #take(part: Uint8Array): void {
    const body = this.#body;
    if (body === null) return;
    body.set(part, this.#received);
    this.#received += part.length;
    clearTimeout(this.#idle);
    if (this.#received === this.#bytes) {
      this.#end();
      this.#resolve(body);
      return;
    }
    this.#idle = setTimeout(() => this.fail(new Error("the rest of it did not come")), this.#idleMs);
    if (this.#granted - this.#received > WINDOW_BYTES / 2) return;
    this.#granted = Math.min(this.#bytes, this.#received + WINDOW_BYTES);
    this.#grant(this.#granted);
  }

  #end(): void {
    const began = this.#body !== null;
    this.#over = true;
    this.#body = null;
    clearTimeout(this.#idle);
    if (began) this.#room.leave(this.#bytes);
  }
}

/** Bounds what is being received at once: who comes when it is full waits. One that is larger than all of it goes alone. */
export class Room {
  readonly #maxBytes: number;
  readonly #waiting: { readonly bytes: number; readonly begin: () => boolean }[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Calls `begin` when there is room, perhaps at once; it says whether it takes it. */
  enter(bytes: number, begin: () => boolean): void {
    this.#waiting.push({ bytes, begin });
    this.#admit();
  }

  leave(bytes: number): void {
    this.#bytes -= bytes;
    this.#admit();
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#bytes > 0 && this.#bytes + next.bytes > this.#maxBytes) return;
      this.#waiting.shift();
      this.#bytes += next.bytes;
      if (!next.begin()) this.#bytes -= next.bytes;
    }
  }
}
