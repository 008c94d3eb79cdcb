import type { RequestListener, Server } from "node:http";
import type { Socket } from "node:net";
import { addressIn, networkOf } from "../http/addresses.ts";
import { refuseSocket } from "../http/client-error.ts";
import { outlivesTakeOver } from "../stream/take-over.ts";

/** How long a connection that was refused may take to go, in milliseconds. */
const GO_MS = 1_000;

const NETWORK = Symbol("network that a connection comes from");

type CountedSocket = Socket & { [NETWORK]?: string };

/** Connections at once from one address. */
export class ConnectionLimit {
  readonly #max: number;
  readonly #isFree: (address: string) => boolean;
  readonly #open = new Map<string, number>();
  readonly #refused = new WeakSet<Socket>();
  readonly #onClose: (this: CountedSocket) => void;

  /** `max` 0: none. Addresses that are free have as many as they like. */
  constructor(max: number, isFree: (address: string) => boolean) {
    this.#max = max;
    this.#isFree = isFree;
    const open = this.#open;
    // One listener for all: a closure for each connection would be for nothing.
    this.#onClose = function () {
      const network = this[NETWORK] ?? "";
      const left = (open.get(network) ?? 0) - 1;
      if (left > 0) open.set(network, left);
      else open.delete(network);
    };
    outlivesTakeOver(this.#onClose);
  }

  /** A listener that does not answer on a connection that was refused. */
  guard(listener: RequestListener): RequestListener {
    if (this.#max === 0) return listener;
    return (request, response) => {
      if (this.#refused.has(request.socket)) request.socket.destroySoon();
      else listener(request, response);
    };
  }

  /** Refuses, with an answer, what is too much. */
  watch(server: Server): void {
    if (this.#max === 0) return;
    server.on("connection", (socket: CountedSocket) => {
      const address = addressIn(socket.remoteAddress ?? "");
      if (address === null || this.#isFree(address)) return;
      const network = networkOf(address);
      const open = this.#open.get(network) ?? 0;
      if (open >= this.#max) {
        this.#refused.add(socket);
        refuseSocket(
          socket,
          "RATE_LIMITED",
          "As many connections as limit_connections allows are open from this address. If it is a proxy's, name it in trusted_proxies.",
          { headers: ["Retry-After: 5"] },
        );
        setTimeout(() => socket.destroy(), GO_MS).unref();
        return;
      }
      this.#open.set(network, open + 1);
      socket[NETWORK] = network;
      socket.on("close", this.#onClose);
    });
  }
}
