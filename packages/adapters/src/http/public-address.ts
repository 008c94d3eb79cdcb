import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** Public by its number, and yet where a cloud answers the machines in it: Azure's. */
const METADATA = new Set(["168.63.129.16"]);

/** What all addresses of the public IPv6 internet begin with. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * Whether an address is one of the public internet. Those of this machine, of private and shared networks, of the link,
 * of groups, and those that hold an IPv4 address (mapped, NAT64, 6to4, Teredo), are not; what is no address is not.
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0 || METADATA.has(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_UNICAST);
}
