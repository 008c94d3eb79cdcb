import { LruMap } from "./lru.ts";

/** What an address has tried. */
interface Attempts {
  failed: number;
  lastAt: number;
  blockedUntil: number;
}

/** An address that tries nothing for so long has tried nothing, in milliseconds. */
const FORGET_MS = 15 * 60_000;

/** The penalty is a second, and doubles with each failure up to this, in milliseconds. */
const LONGEST_MS = 5 * 60_000;

const MAX_ADDRESSES = 50_000;

/**
 * Credentials that were wrong, by the address that they came from. Beyond `free` of them, another is told for a while to
 * come back later; and for longer each time.
 */
export class FailedAttempts {
  readonly #free: number;
  readonly #byAddress: LruMap<Attempts>;

  /** `free` 0: there is no penalty. */
  constructor(free: number, maxAddresses = MAX_ADDRESSES) {
    this.#free = free;
    this.#byAddress = new LruMap(maxAddresses);
  }

  /** For how many milliseconds the address is to send none that is wrong. */
  blockedFor(address: string, now: number): number {
    return Math.max(0, (this.#byAddress.get(address)?.blockedUntil ?? 0) - now);
  }

  /** A credential of the address was wrong. */
  failed(address: string, now: number): void {
    if (this.#free === 0) return;
    const before = this.#byAddress.get(address);
    const attempts =
      before === undefined || now - before.lastAt > FORGET_MS ? { failed: 0, lastAt: now, blockedUntil: 0 } : before;
    attempts.failed += 1;
    attempts.lastAt = now;
    const over = attempts.failed - this.#free;
    if (over > 0) attempts.blockedUntil = now + Math.min(LONGEST_MS, 1000 * 2 ** Math.min(over - 1, 20));
    this.#byAddress.set(address, attempts);
  }
}
