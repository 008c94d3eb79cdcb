import type { Socket } from "node:net";
import type { Limits } from "./limits.ts";

/** How often what is under way is read off, in milliseconds. */
const READ_MS = 5_000;

/** An answer that is under way. */
export interface Metered {
  readonly caller: string;
  readonly socket: Socket;
}

/**
 * Tells the limits how many bytes each caller has had. Nothing is counted: the system's own counters of each connection
 * are read when an answer is over, and every few seconds while it lasts. So sending costs nothing more.
 */
export class Meter {
  readonly #limits: Limits;
  readonly #open = new Set<Metered>();
  /** What has been charged of each connection, whoever had it. */
  readonly #charged = new WeakMap<Socket, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** From now on what goes over the connection is the caller's, until {@link end}. */
  begin(caller: string, socket: Socket): Metered {
    const metered = { caller, socket };
    this.#open.add(metered);
    this.#timer ??= setInterval(() => this.#readAll(), READ_MS).unref();
    return metered;
  }

  /** The answer is over. */
  end(metered: Metered): void {
    if (!this.#open.delete(metered)) return;
    const bytes = this.#read(metered.socket);
    if (bytes > 0) this.#limits.charge(metered.caller, bytes);
    if (this.#open.size === 0 && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }

  #readAll(): void {
    const byCaller = new Map<string, number>();
    for (const { caller, socket } of this.#open) {
      const bytes = this.#read(socket);
      if (bytes > 0) byCaller.set(caller, (byCaller.get(caller) ?? 0) + bytes);
    }
    for (const [caller, bytes] of byCaller) this.#limits.charge(caller, bytes);
  }

  #read(socket: Socket): number {
    const total = socket.bytesRead + socket.bytesWritten;
    const before = this.#charged.get(socket) ?? 0;
    this.#charged.set(socket, total);
    return total - before;
  }
}
