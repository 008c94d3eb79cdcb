import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Where a connection is cut: after so many bytes more in that direction. */
export interface Cut {
  /** Only connections are cut whose first bytes to the server have this text in them. */
  readonly label: string;
  readonly direction: "to server" | "to client";
  /** What is passed on before the cut; the bytes behind are lost. */
  readonly afterBytes: number;
}

interface Link {
  label: string;
  readonly client: Socket;
  readonly server: Socket;
  /** Nothing that is sent on it arrives, or is refused. */
  isSilent: boolean;
}

/** A way to a server that can be blocked, and cut at any byte. */
export class TcpProxy implements AsyncDisposable {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #cut: { readonly cut: Cut; left: number; readonly freezes: boolean; readonly done: () => void } | null = null;
  #isHeld = false;
  #isDown = false;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer((client) => this.#accept(client));
  }

  /** A proxy for the server of a URL. */
  static async open(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url);
    const proxy = new TcpProxy({ host: hostname, port: Number(port || 5432) });
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** The URL, by way of the proxy. */
  through(url: string): string {
    const through = new URL(url);
    through.hostname = "127.0.0.1";
    // A server that listens on TCP has an address.
    through.port = String((this.#server.address() as AddressInfo).port);
    return through.href;
  }

  /** Cuts a connection once, at a byte from here on. Resolves when it is cut. */
  cut(cut: Cut): Promise<void> {
    return new Promise((resolve) => {
      this.#cut = { cut, left: cut.afterBytes, freezes: false, done: resolve };
    });
  }

  /** As {@link cut}, but behind what that byte came with everything is held ({@link hold}). */
  freezeAfter(cut: Cut): Promise<void> {
    return new Promise((resolve) => {
      this.#cut = { cut, left: cut.afterBytes, freezes: true, done: resolve };
    });
  }

  /** Takes back a cut that did not come about. */
  dontCut(): void {
    this.#cut = null;
  }

  /** Passes nothing on, and cuts nothing: as if one side were frozen. */
  hold(): void {
    this.#isHeld = true;
    for (const { client, server } of this.#links) {
      client.pause();
      server.pause();
    }
  }

  /** Takes what is sent on the connections that are there with this text in their first bytes, and passes none of it on. */
  silence(label: string): void {
    for (const link of this.#links) if (link.label.includes(label)) link.isSilent = true;
  }

  /** Passes on again what was held, and what comes. */
  letGo(): void {
    this.#isHeld = false;
    for (const { client, server } of this.#links) {
      client.resume();
      server.resume();
    }
  }

  /** Cuts all connections, and takes none. */
  goDown(): void {
    this.#isDown = true;
    for (const link of this.#links) this.#end(link);
  }

  comeUp(): void {
    this.#isDown = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.goDown();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(client: Socket): void {
    if (this.#isDown) {
      client.destroy();
      return;
    }
    const link: Link = { label: "", client, server: connect(this.#target), isSilent: false };
    this.#links.add(link);
    for (const socket of [link.client, link.server]) {
      socket.setNoDelay(true);
      socket.on("error", () => this.#end(link));
      socket.on("close", () => this.#end(link));
      if (this.#isHeld) socket.pause();
    }
    client.on("data", (data: Buffer) => {
      if (link.label === "") link.label = data.toString("latin1");
      this.#pass(link, "to server", data);
    });
    link.server.on("data", (data: Buffer) => this.#pass(link, "to client", data));
  }

  #pass(link: Link, direction: Cut["direction"], data: Buffer): void {
    if (link.isSilent) return;
    const to = direction === "to server" ? link.server : link.client;
    const cutting = this.#cut;
    if (cutting === null || cutting.cut.direction !== direction || !link.label.includes(cutting.cut.label)) {
      to.write(data);
      return;
    }
    if (data.length <= cutting.left) {
      cutting.left -= data.length;
      to.write(data);
      return;
    }
    this.#cut = null;
    if (cutting.freezes) {
      this.hold();
      to.write(data);
      cutting.done();
      return;
    }
    // What is passed on is passed on whole before the end.
    to.end(data.subarray(0, cutting.left), () => {
      this.#end(link);
      cutting.done();
    });
  }

  #end(link: Link): void {
    if (!this.#links.delete(link)) return;
    link.client.destroy();
    link.server.destroy();
  }
}
