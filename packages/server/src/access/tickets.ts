import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock, ServiceSecrets } from "@millrace/engine";
import { z } from "zod";
import { unauthenticated } from "./credentials.ts";
import type { Principal } from "./principal.ts";

/** What a ticket says. Short names: it stands in URLs. */
const claimsSchema = z.object({
  /** The execution's id. */
  e: z.string(),
  /** Whose ticket it is: a principal's id and name. */
  p: z.string(),
  n: z.string(),
  /** The project; null: all of them. */
  j: z.string().nullable(),
  /** The session that it was issued to, if it was one. */
  s: z.string().optional(),
  /** Epoch ms from which it opens nothing. */
  x: z.number(),
});

/** A ticket that was issued. */
export interface Ticket {
  readonly ticket: string;
  /** Epoch ms. */
  readonly expiresAt: number;
}

/** Whether a principal may still come in, by its id, and by that of its session if it has one. */
export type IsLive = (principalId: string, sessionId: string | undefined) => Promise<boolean>;

/**
 * Tickets for the streams of one execution, where no header can be set: what they say is signed, and kept nowhere. One is
 * good for as long as it says, and as long as whoever it was issued to.
 */
export class Tickets {
  readonly #key: Buffer;
  readonly #clock: Clock;
  readonly #live: IsLive;

  private constructor(key: Buffer, clock: Clock, live: IsLive) {
    this.#key = key;
    this.#clock = clock;
    this.#live = live;
  }

  static async open(secrets: ServiceSecrets, clock: Clock, live: IsLive): Promise<Tickets> {
    const key = await secrets.obtain("tickets", randomBytes(32).toString("hex"));
    return new Tickets(Buffer.from(key, "hex"), clock, live);
  }

  /** A ticket for an execution, good for `ttlMs` and no longer than the credential of whom it is for. */
  issue({ id, name, project, expiresAt, sessionId }: Principal, executionId: string, ttlMs: number): Ticket {
    const end = Math.min(this.#clock.now() + ttlMs, expiresAt ?? Number.POSITIVE_INFINITY);
    const claims: z.input<typeof claimsSchema> = { e: executionId, p: id, n: name, j: project, s: sessionId, x: end };
    const body = Buffer.from(JSON.stringify(claims)).toString("base64url");
    return { ticket: `${body}.${this.#sign(body).toString("base64url")}`, expiresAt: end };
  }

  /** @throws MillraceError UNAUTHENTICATED */
  async verify(ticket: string): Promise<Principal> {
    const [body = "", signature = "", ...more] = ticket.split(".");
    const given = Buffer.from(signature, "base64url");
    const due = this.#sign(body);
    if (more.length > 0 || given.length !== due.length || !timingSafeEqual(given, due)) {
      throw unauthenticated("The ticket is not one of this service.");
    }
    // Signed: it is what was issued.
    const claims = claimsSchema.parse(JSON.parse(Buffer.from(body, "base64url").toString()));
    if (claims.x <= this.#clock.now()) throw unauthenticated("The ticket has expired: ask for another.");
    const sessionId = claims.s;
    if (!(await this.#live(claims.p, sessionId)))
      throw unauthenticated("The credential that the ticket was issued to is no longer good.");
    return {
      kind: "ticket",
      id: claims.p,
      name: claims.n,
      project: claims.j,
      scopes: ["read"],
      executionId: claims.e,
      // It opens streams, which go on when it has expired: they have a time-out of their own.
      expiresAt: null,
      ...(sessionId === undefined ? {} : { sessionId }),
    };
  }

  #sign(body: string): Buffer {
    return createHmac("sha256", this.#key).update(body).digest();
  }
}
