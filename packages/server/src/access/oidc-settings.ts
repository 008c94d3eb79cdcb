import { projectSchema, SCOPES, type Scope, scopeSchema } from "@millrace/protocol";
import { z } from "zod";
import { list } from "../setting-kinds.ts";

/** What whoever has a role may do. */
export interface RoleGrant {
  readonly role: string;
  readonly scope: Scope;
  /** The one project that it is for; null: all of them. */
  readonly project: string | null;
}

const GRANT = "expected a scope as `read`, `run`, `write` or `admin`, or one of one project as `run@alpha`";

/** `ops=run@alpha`: a role's own name may have `=`, a scope has none. */
function readGrant(entry: unknown, context: z.RefinementCtx): RoleGrant[] {
  const at = typeof entry === "string" ? entry.lastIndexOf("=") : -1;
  if (typeof entry !== "string" || entry.slice(0, at).trim() === "" || at < 1) {
    context.addIssue({
      code: "custom",
      message: `expected role=scope or role=scope@project, got ${JSON.stringify(entry)}`,
    });
    return [];
  }
  return grantOf(entry.slice(0, at).trim(), entry.slice(at + 1), context);
}

function grantOf(role: string, grant: unknown, context: z.RefinementCtx): RoleGrant[] {
  const [text = "", project, ...rest] = typeof grant === "string" ? grant.trim().split("@") : [];
  const scope = SCOPES.find((each) => each === text);
  const named = project === undefined ? null : projectSchema.safeParse(project);
  if (scope === undefined || rest.length > 0 || named?.success === false) {
    context.addIssue({ code: "custom", message: `${GRANT}, for the role "${role}", got ${JSON.stringify(grant)}` });
    return [];
  }
  return [{ role, scope, project: named?.data ?? null }];
}

/** `{ops: run@alpha}` of a config file, or `ops=run@alpha,guests=read`. A role in the file may have several grants. */
const rolesSchema = z.preprocess(
  (value, context): unknown => {
    const list = typeof value === "string" ? value.split(",").filter((each) => each.trim() !== "") : value;
    if (Array.isArray(list)) return list.flatMap((each: unknown) => readGrant(each, context));
    if (typeof list !== "object" || list === null) return list;
    return Object.entries(list).flatMap(([role, grants]) =>
      (Array.isArray(grants) ? grants : [grants]).flatMap((grant: unknown) => grantOf(role, grant, context)),
    );
  },
  z.array(
    z.object({ role: z.string(), scope: scopeSchema, project: projectSchema.nullable() }),
    "expected roles as `ops=run@alpha`, or a mapping of them",
  ),
);

const names = (what: string) => list(z.string().min(1)).default([]).describe(what);

const seconds = (what: string, fallback: number, min: number, max: number) =>
  z
    .preprocess(
      (value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value),
      z.number("expected a number of seconds").min(min).max(max),
    )
    .default(fallback)
    .describe(what);

const CLAIM = "expected the name of a claim, or a path to one as `realm_access.roles`";

const claim = (what: string) =>
  z
    .string()
    .min(1)
    .max(256)
    .refine((path) => path.split(".").every((part) => part !== ""), CLAIM)
    .nullable()
    .default(null)
    .describe(what);

const text = (what: string) => z.string().min(1).max(2048).nullable().default(null).describe(what);

/** Settings of an identity provider, and of sessions of the dashboard. */
export const identitySettings = {
  oidc_issuer: z
    .string()
    .min(1)
    .refine(isIssuer, "expected an https URL as https://login.example.org/realms/main; http goes to this machine alone")
    .nullable()
    .default(null)
    .describe(
      "The OpenID Connect provider whose tokens are taken, exactly as its tokens call it in `iss`; goes with `oidc_audience` or `oidc_client_id`",
    ),
  oidc_audience: text("What a bearer token must have in `aud`; without it no bearer tokens of the provider are taken"),
  oidc_scopes_claim: claim(
    "The claim whose values are scopes: `read`, `run`, `write`, `admin`, each with or without `millrace:` before it",
  ),
  oidc_roles_claim: claim("The claim that holds roles, as `roles`, `groups` or `realm_access.roles`; see `oidc_roles`"),
  oidc_roles: rolesSchema
    .default([])
    .describe(
      "What those who have a role may do, separated by commas: `millrace-admin=admin`, or in one project alone `ops=run@alpha`; in the file a mapping of them as well",
    ),
  oidc_project_claim: claim(
    "The claim that names the one project that a token opens; a token without it opens nothing",
  ),
  oidc_allowed_clients: names(
    "Clients of the provider whose tokens are taken, by `azp` or `client_id`, separated by commas; without it all",
  ),
  oidc_clock_tolerance: seconds("By how much the provider's clock may differ from this one, in seconds", 30, 0, 300),
  oidc_client_id: text("The service's own client at the provider: with it the dashboard offers to sign in there"),
  oidc_client_secret: text("Secret of that client; best given as a variable, or by `oidc_client_secret_file`"),
  oidc_client_secret_file: text("A file that holds the secret of that client"),
  oidc_login_scopes: z
    .string()
    .min(1)
    .max(1024)
    .refine(
      (scopes) => scopes.split(" ").includes("openid"),
      "expected scopes of the provider with `openid` among them",
    )
    .default("openid profile email")
    .describe("What the dashboard's sign-in asks the provider for, separated by spaces"),
  oidc_name: z
    .string()
    .min(1)
    .max(64)
    .default("single sign-on")
    .describe("What the dashboard calls the provider: Sign in with …"),
  session_hours: z
    .preprocess(
      (value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value),
      z
        .number("expected a number of hours")
        .gt(0)
        .max(24 * 90),
    )
    .default(12)
    .describe("Hours after which a login to the dashboard ends, whatever is done with it"),
  session_idle_minutes: z
    .preprocess(
      (value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value),
      z
        .number("expected a number of minutes")
        .min(1)
        .max(60 * 24 * 90),
    )
    .default(120)
    .describe("Minutes without a request after which a login to the dashboard ends; an open page asks all the time"),
};

const identitySchema = z.object(identitySettings);

/** @see identitySettings */
export type IdentitySettings = z.infer<typeof identitySchema>;

/** What settings of an identity provider allow each for itself, and not together. */
export function identityContradictions(settings: IdentitySettings): string[] {
  const found: string[] = [];
  const { oidc_issuer: issuer, oidc_audience: audience, oidc_client_id: client } = settings;
  if (issuer === null) {
    const others = Object.entries(settings).flatMap(([name, value]) =>
      name.startsWith("oidc_") && (typeof value === "string" || Array.isArray(value)) && !isDefault(name, value)
        ? [name]
        : [],
    );
    if (others.length > 0) found.push(`${others.join(", ")}: goes with oidc_issuer, which is not set`);
    return found;
  }
  if (audience === null && client === null)
    found.push(
      "oidc_issuer needs oidc_audience, for bearer tokens, or oidc_client_id, for the dashboard's sign-in, or both",
    );
  if (settings.oidc_scopes_claim === null && settings.oidc_roles_claim === null)
    found.push(
      "oidc_issuer needs oidc_roles_claim with oidc_roles, or oidc_scopes_claim: nobody could do anything without",
    );
  if ((settings.oidc_roles_claim === null) !== (settings.oidc_roles.length === 0))
    found.push("oidc_roles_claim and oidc_roles go together: where roles are found, and what each may do");
  if (settings.oidc_client_secret !== null && settings.oidc_client_secret_file !== null)
    found.push("oidc_client_secret and oidc_client_secret_file are both set: one of them is enough");
  if (client === null && (settings.oidc_client_secret !== null || settings.oidc_client_secret_file !== null))
    found.push("oidc_client_secret goes with oidc_client_id, which is not set");
  return found;
}

function isDefault(name: string, value: unknown): boolean {
  const defaults: Record<string, unknown> = identitySchema.parse({});
  return JSON.stringify(defaults[name]) === JSON.stringify(value);
}

/** Whether a URL may be asked for keys and tokens: only on this machine may it go without TLS. */
export function isProviderUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== "" || password !== "") return false;
  const isLoopback = hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
  return protocol === "https:" || (protocol === "http:" && isLoopback);
}

function isIssuer(text: string): boolean {
  if (text.length > 2048 || !isProviderUrl(text)) return false;
  const { search, hash } = new URL(text);
  return search === "" && hash === "";
}
