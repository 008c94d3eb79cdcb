import { BlockList, isIP } from "node:net";

/** Networks that have a name. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.0/8", "::1/128"],
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"],
};

/** A set of addresses. */
export class Networks {
  readonly #list = new BlockList();
  readonly #empty: boolean;

  /** Each an address, a network (`10.0.0.0/8`), `loopback` or `private`. @see isNetwork */
  constructor(entries: readonly string[]) {
    this.#empty = entries.length === 0;
    for (const entry of entries.flatMap((each) => NAMED[each] ?? each)) {
      const [address = "", bits] = entry.split("/");
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  has(address: string): boolean {
    if (this.#empty) return false;
    const kind = isIP(address);
    return kind !== 0 && this.#list.check(address, kind === 6 ? "ipv6" : "ipv4");
  }
}

/** Whether {@link Networks} takes it. */
export function isNetwork(text: string): boolean {
  if (Object.hasOwn(NAMED, text)) return true;
  const match = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(text);
  const kind = isIP(match?.[1] ?? "");
  return kind !== 0 && Number(match?.[2] ?? 0) <= (kind === 6 ? 128 : 32);
}

const LOOPBACK = new Networks(["loopback"]);

/** Whether it is this machine's own. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.has(address);
}

/**
 * The address in what a socket or a header names it by: without port, brackets and zone, and an IPv4 address in IPv6's
 * clothes as what it is. Null where there is none.
 */
export function addressIn(text: string): string | null {
  const trimmed = text.trim();
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(trimmed)?.[1] ?? /^([\d.]+):\d+$/.exec(trimmed)?.[1] ?? trimmed;
  const address = bare.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, "");
  return isIP(address) === 0 ? null : address.toLowerCase();
}

/**
 * What limits count an address as: an IPv4 address itself; of IPv6 the /64, since whoever has one has all of them.
 */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = tail === undefined ? [] : Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0");
  const groups = [...left, ...gap, ...right].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}
