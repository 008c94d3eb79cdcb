import { MillraceError } from "@millrace/protocol";
import type { FastifyRequest } from "fastify";
import type { Principal } from "./principal.ts";

/** What of a request tells who sends it. */
export interface Credentials {
  readonly authorization: string | null;
  readonly cookie: string | null;
  /** Whether the client asks over TLS: cookies that were set without count for nothing then. Left out: it does not. */
  readonly overTls?: boolean;
  /** Of the query, where the endpoint takes one. */
  readonly ticket: string | null;
}

/** Finds out who sends a request. @throws MillraceError UNAUTHENTICATED, SERVICE_UNAVAILABLE */
export type Authenticate = (credentials: Credentials) => Promise<Principal>;

/** The longest credential that is looked at, in characters: longer ones are no keys, and no tokens that anybody issues. */
const MAX_LENGTH = 16 * 1024;

/** What a request brings along. */
export function credentialsOf({ raw: { headers }, client }: FastifyRequest, ticket: string | null): Credentials {
  return {
    authorization: headers.authorization ?? null,
    cookie: headers.cookie ?? null,
    overTls: client.secure,
    ticket,
  };
}

/** The token of an `Authorization: Bearer …` (RFC 6750, section 2.1); null where the header is of another scheme. */
export function bearerOf(authorization: string): string | null {
  if (authorization.length > MAX_LENGTH) return null;
  return /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization)?.[1] ?? null;
}

/** The credential is no good, or there is none. */
export function unauthenticated(message: string): MillraceError {
  return new MillraceError("UNAUTHENTICATED", message);
}
