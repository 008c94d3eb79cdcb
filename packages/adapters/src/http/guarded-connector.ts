import { type LookupAddress, lookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { buildConnector } from "undici";
import type { AllowedHosts } from "./allowed-hosts.ts";
import { isPublicAddress } from "./public-address.ts";

/** How long a connection, with TLS, may take, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Where a name leads, as `dns.lookup` with `all` tells it. */
export type Lookup = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

/** A host was not connected to, as it leads to addresses that are not public. */
export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
}

/** Asks the resolver of this machine. */
export const systemLookup: Lookup = (hostname, callback) =>
  lookup(hostname, { all: true, order: "verbatim" }, callback);

/**
 * Connects to public addresses, and to hosts that are allowed. What is checked is what the socket is given: a name that
 * leads elsewhere a moment later leads nowhere else here.
 */
export function guardedConnector(allowed: AllowedHosts, resolve: Lookup = systemLookup): buildConnector.connector {
  const open = buildConnector({ timeout: CONNECT_TIMEOUT_MS, autoSelectFamily: true });
  const guarded = buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    autoSelectFamily: true,
    lookup: publicLookup(resolve),
  });
  return (options, callback) => {
    const { hostname, protocol } = options;
    const port = options.port === "" ? (protocol === "https:" ? "443" : "80") : options.port;
    if (allowed.has(hostname, port)) {
      open(options, callback);
      return;
    }
    // A socket does not look up what is an address already.
    const address = hostname.replace(/^\[(.*)\]$/, "$1");
    if (isIP(address) !== 0 && !isPublicAddress(address)) {
      callback(new AddressRefused(`${address} is no public address`), null);
      return;
    }
    guarded(options, (...[error, socket]) => {
      if (error !== null) callback(error, null);
      // Whatever way a socket got its address.
      else if (socket.remoteAddress === undefined || isPublicAddress(socket.remoteAddress)) callback(null, socket);
      else {
        socket.destroy();
        callback(new AddressRefused(`${hostname} leads to ${socket.remoteAddress}, which is no public address`), null);
      }
    });
  };
}

function publicLookup(resolve: Lookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const usable = addresses.filter(({ address }) => isPublicAddress(address));
      const [first] = usable;
      if (first === undefined) {
        const where = addresses[0]?.address ?? "nowhere";
        callback(new AddressRefused(`${hostname} leads to ${where}, which is no public address`), []);
      } else if (options.all === true) callback(null, usable);
      else callback(null, first.address, first.family);
    });
  };
}
