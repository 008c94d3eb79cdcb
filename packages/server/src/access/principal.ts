import { includesScope, type Scope } from "@millrace/protocol";

/** Who sends a request, and what they may do. */
export interface Principal {
  /**
   * How it is known: `anonymous` where access control is off or the endpoint is open to all; an API `key`; an OIDC
   * `token`; a `session` of the dashboard; a `ticket` for the streams of one execution.
   */
  readonly kind: "anonymous" | "key" | "token" | "session" | "ticket";
  /** The same for every request of the same one: what limits count by, and the audit log names. */
  readonly id: string;
  /** For a person. */
  readonly name: string;
  /** The one project that there is for it; null: all of them. */
  readonly project: string | null;
  readonly scopes: readonly Scope[];
  /** The only execution that a ticket opens; null: any of the project. */
  readonly executionId: string | null;
  /** Epoch ms from which the credential opens nothing; null: never. */
  readonly expiresAt: number | null;
  /** Of a session, and of a ticket that one was issued: which session it is. With its end, their streams end. */
  readonly sessionId?: string;
}

/** What a request may do where access control is off: everything. */
export const ANYONE: Principal = {
  kind: "anonymous",
  id: "anonymous",
  name: "anonymous",
  project: null,
  scopes: ["admin"],
  executionId: null,
  expiresAt: null,
};

/** Who asks for what is open to all, where access control is on. */
export const STRANGER: Principal = { ...ANYONE, scopes: [] };

/** Whether a principal may do what asks for a scope. */
export function may({ scopes }: Principal, scope: Scope): boolean {
  return includesScope(scopes, scope);
}
