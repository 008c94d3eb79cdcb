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
  /** What the key that it was issued to is known by, if it was one. @see AccessControl.keyIdOf */
  k: z.string().optional(),
  /** Epoch ms from which the credential that it was issued to opens nothing, if it ends. */
  c: z.number().optional(),
  /** Epoch ms from which it opens nothing. */
  x: z.number(),
});

/** A ticket that was issued. */
export interface Ticket {
  readonly ticket: string;
  /** Epoch ms. */
  readonly expiresAt: number;
}

/** What tickets ask about those whom they were issued to. */
export interface TicketOwners {
  /** What a key is known by; undefined for other principals. */
  keyIdOf(principal: Principal): string | undefined;
  /** Whether a key, and a session, may still come in, where it was one. */
  isLive(keyId: string | undefined, sessionId: string | undefined): Promise<boolean>;
}

/**
 * Tickets for the streams of one execution, where no header can be set: what they say is signed, and kept nowhere. One is
 * good for as long as it says, and as long as whoever it was issued to.
 */
export class Tickets {
  readonly #key: Buffer;
  readonly #clock: Clock;
  readonly #owners: TicketOwners;

  private constructor(key: Buffer, clock: Clock, owners: TicketOwners) {
    this.#key = key;
    this.#clock = clock;
    this.#owners = owners;
  }

  static async open(secrets: ServiceSecrets, clock: Clock, owners: TicketOwners): Promise<Tickets> {
    const key = await secrets.obtain("tickets", randomBytes(32).toString("hex"));
    return new Tickets(Buffer.from(key, "hex"), clock, owners);
  }

  /** A ticket for an execution, good for `ttlMs` and no longer than the credential of whom it is for. */
  issue(principal: Principal, executionId: string, ttlMs: number): Ticket {
    const { id, name, project, expiresAt, sessionId } = principal;
    const end = Math.min(this.#clock.now() + ttlMs, expiresAt ?? Number.POSITIVE_INFINITY);
    const claims: z.input<typeof claimsSchema> = {
      ...{ e: executionId, p: id, n: name, j: project, s: sessionId, x: end },
      k: this.#owners.keyIdOf(principal),
      c: expiresAt ?? undefined,
    };
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
    // A node of an older version does not say by what the key is known.
    const keyId = claims.k ?? (claims.p.startsWith("key:") ? claims.p : undefined);
    if (!(await this.#owners.isLive(keyId, sessionId)))
      throw unauthenticated("The credential that the ticket was issued to is no longer good.");
    return {
      kind: "ticket",
      id: claims.p,
      name: claims.n,
      project: claims.j,
      scopes: ["read"],
      executionId: claims.e,
      // It opens streams, which go on when it has expired, and for no longer than the credential is good.
      expiresAt: claims.c ?? null,
      ...(sessionId === undefined ? {} : { sessionId }),
    };
  }

  #sign(body: string): Buffer {
    return createHmac("sha256", this.#key).update(body).digest();
  }
}
