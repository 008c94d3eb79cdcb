import type { IncomingMessage } from "node:http";
import { addressIn, type Networks } from "./addresses.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Where it comes from. */
    client: Client;
    /** Whether a page of another origin sends it, as far as browsers tell. */
    isForeign: boolean;
  }
}

/** Where a request comes from, as far as it can be known. */
export interface Client {
  /** Its address: the nearest that no trusted proxy has; `unknown` where the connection is closed already. */
  readonly address: string;
  /**
   * Whether it came over TLS, by the word of a trusted proxy, or without one by the name that it calls: the service itself speaks
   * none.
   */
  readonly secure: boolean;
  /** The host, and the port if there is one, by which the client calls the service, in lower case. */
  readonly host: string | null;
  /** A proxy that nobody has said to trust speaks for somebody else: its clients cannot be told apart. */
  readonly proxyNotTrusted: boolean;
}

/** Whose word counts. */
export interface ProxySettings {
  /** The addresses of proxies whose headers are believed. */
  readonly trusted: Networks;
  /** Which headers they set. The other kind comes from clients, through a proxy that does not know it: never read. */
  readonly headers: "x-forwarded" | "forwarded";
  /** The host, and the port if there is one, of a public URL with https: whoever calls it has come over TLS. */
  readonly secureHost?: string | null;
  /** Whether a worker of this service has sent the request, and said in {@link PEER_HEADER} from where. */
  readonly fromWorkers: boolean;
}

/** Tells the main process from which address a worker was called; a client's own is taken out on the way. */
export const PEER_HEADER = "x-millrace-peer";

/** Proxies in a row; what stands before them in a header is not looked at. */
const MAX_HOPS = 32;

/**
 * Tells where a request comes from. Of the addresses that proxies have noted, the last one that is no trusted proxy's
 * counts: what stands before it, anybody can have written.
 */
export function clientOf(request: IncomingMessage, settings: ProxySettings): Client {
  const { headers } = request;
  const peerText = settings.fromWorkers ? headers[PEER_HEADER] : request.socket.remoteAddress;
  const peer = addressIn(typeof peerText === "string" ? peerText : "") ?? "unknown";
  const host = headers.host?.trim().toLowerCase() ?? null;
  if (!settings.trusted.has(peer)) {
    // Of a connection that is closed already it is not known whose it was.
    const speaks = peer !== "unknown" && (headers["x-forwarded-for"] !== undefined || headers.forwarded !== undefined);
    return { address: peer, secure: host !== null && host === settings.secureHost, host, proxyNotTrusted: speaks };
  }
  const said = settings.headers === "forwarded" ? fromForwarded(headers.forwarded) : fromXForwarded(request);
  let address = peer;
  for (const text of said.addresses.slice(-MAX_HOPS).reverse()) {
    if (!settings.trusted.has(address)) break;
    const next = addressIn(text);
    // A name that hides it, or junk: it is known no further.
    if (next === null) break;
    address = next;
  }
  return {
    address,
    secure: said.proto?.toLowerCase() === "https",
    host: said.host?.toLowerCase() ?? host,
    proxyNotTrusted: false,
  };
}

/** What proxies have noted; addresses in the order of their hops. */
interface Said {
  readonly addresses: readonly string[];
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

function fromXForwarded({ headers }: IncomingMessage): Said {
  return {
    addresses: listOf(headers["x-forwarded-for"]),
    proto: listOf(headers["x-forwarded-proto"]).at(-1),
    host: listOf(headers["x-forwarded-host"]).at(-1),
  };
}

function listOf(header: string | string[] | undefined): string[] {
  const text = Array.isArray(header) ? header.join(",") : (header ?? "");
  return text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

/** RFC 7239. */
function fromForwarded(header: string | undefined): Said {
  const elements = splitUnquoted(header ?? "", ",").map(
    (element) =>
      new Map(
        splitUnquoted(element, ";").map((pair) => {
          const at = pair.indexOf("=");
          const value = pair.slice(at + 1).trim();
          const bare = value.startsWith('"') ? value.replace(/^"|"$/g, "").replace(/\\(.)/g, "$1") : value;
          return [pair.slice(0, at).trim().toLowerCase(), bare];
        }),
      ),
  );
  return {
    addresses: elements.map((element) => element.get("for") ?? "unknown"),
    proto: elements.at(-1)?.get("proto"),
    host: elements.at(-1)?.get("host"),
  };
}

function splitUnquoted(text: string, separator: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (quoted && char === "\\") at += 1;
    else if (char === '"') quoted = !quoted;
    else if (char === separator && !quoted) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts.filter((part) => part.trim() !== "");
}
