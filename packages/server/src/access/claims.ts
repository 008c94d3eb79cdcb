import { hash } from "node:crypto";
import { MillraceError, projectSchema, SCOPES, type Scope } from "@millrace/protocol";
import type { JWTPayload } from "jose";
import type { IdentitySettings } from "./oidc-settings.ts";
import type { Principal } from "./principal.ts";

/** What of a token says who its bearer is, and what they may do. */
export type ClaimSettings = Pick<
  IdentitySettings,
  "oidc_issuer" | "oidc_scopes_claim" | "oidc_roles_claim" | "oidc_roles" | "oidc_project_claim"
>;

/**
 * Whose token it is: `claims` are of a token that was found to be good. One that opens nothing has no scopes.
 * @throws MillraceError FORBIDDEN where it does not say which one project it is for
 */
export function principalOf(claims: JWTPayload & { readonly sub: string }, settings: ClaimSettings): Principal {
  const { scopes, project } = grantsOf(claims, settings);
  return {
    kind: "token",
    id: identityOf(settings.oidc_issuer ?? "", claims.sub),
    name: firstText(claims.preferred_username, claims.email, claims.name, claims.sub),
    project,
    scopes,
    executionId: null,
    expiresAt: claims.exp === undefined ? null : Math.min(claims.exp * 1000, LATEST_MS),
  };
}

/** The last moment that can be written down as a date, in epoch ms: a provider may say a later one. */
const LATEST_MS = 8.64e15;

/** The same for every token of one person or client, and told apart from those of another provider. */
function identityOf(issuer: string, subject: string): string {
  return `oidc_${hash("sha256", JSON.stringify([issuer, subject]), "hex").slice(0, 32)}`;
}

function grantsOf(claims: JWTPayload, settings: ClaimSettings): Pick<Principal, "scopes" | "project"> {
  const { oidc_scopes_claim: scopesAt, oidc_roles_claim: rolesAt, oidc_project_claim: projectAt } = settings;
  const own = projectAt === null ? null : claimAt(claims, projectAt);
  const claimed = projectAt === null ? null : (projectSchema.safeParse(own).data ?? undefined);
  // Without the one project that it should name, it would open all of them.
  if (claimed === undefined) return { scopes: [], project: null };
  const scopes = scopesAt === null ? [] : textsOf(claimAt(claims, scopesAt)).flatMap(scopeOf);
  const roles = new Set(rolesAt === null ? [] : textsOf(claimAt(claims, rolesAt)));
  const grants = settings.oidc_roles.filter(
    ({ role, project }) => roles.has(role) && (claimed === null || project === null || project === claimed),
  );
  if (claimed !== null) return { project: claimed, scopes: inOrder([...scopes, ...grants.map(({ scope }) => scope)]) };
  // What is for all projects holds in each; what is for one must not become a grant for all.
  const general = inOrder([...scopes, ...grants.flatMap(({ scope, project }) => (project === null ? [scope] : []))]);
  if (general.length > 0) return { project: null, scopes: general };
  const projects = [...new Set(grants.map(({ project }) => project))];
  if (projects.length > 1) {
    throw new MillraceError(
      "FORBIDDEN",
      `Your roles are for several projects (${projects.join(", ")}), and one login is for one. Ask an administrator for a role of one of them, or of all.`,
    );
  }
  return { project: projects[0] ?? null, scopes: inOrder(grants.map(({ scope }) => scope)) };
}

/** By a dotted path; a claim whose own name has dots, as `https://example.org/roles`, goes first. */
function claimAt(claims: object, path: string): unknown {
  if (Object.hasOwn(claims, path)) return Reflect.get(claims, path);
  let value: unknown = claims;
  for (const part of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

/** A list of texts, or one text with spaces between them, as `scope` has it. */
function textsOf(value: unknown): string[] {
  if (typeof value === "string") return value.split(" ").filter((each) => each !== "");
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

function scopeOf(text: string): Scope[] {
  const name = text.replace(/^millrace:/, "");
  return SCOPES.filter((scope) => scope === name);
}

function inOrder(scopes: readonly Scope[]): Scope[] {
  return SCOPES.filter((scope) => scopes.includes(scope));
}

/** For logs and pages: a name that is no one line of text would be a nuisance there. */
function firstText(...values: unknown[]): string {
  const found = values.find((value) => typeof value === "string" && value.trim() !== "");
  return String(found)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "")
    .slice(0, 200);
}
