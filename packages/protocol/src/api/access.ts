import { z } from "zod";
import { listSchema, pageQuerySchema } from "./lists.ts";
import { floatQuery, timeQuery } from "./query.ts";
import type { Sent } from "./sent.ts";

/** What a credential may do, from the least to the most; each includes those before it. */
export const SCOPES = ["read", "run", "write", "admin"] as const;

/**
 * A scope. `read`: look at everything of the project, streams included. `run`: start, end, replay and retry executions.
 * `write`: change configs, triggers and webhooks, and delete. `admin`: keys and the audit log.
 */
export const scopeSchema = z.enum(SCOPES);

/** @see scopeSchema */
export type Scope = z.infer<typeof scopeSchema>;

/** Whether one who has `granted` may do what asks for `needed`. */
export function includesScope(granted: readonly Scope[], needed: Scope): boolean {
  const least = SCOPES.indexOf(needed);
  return granted.some((scope) => SCOPES.indexOf(scope) >= least);
}

/** The project of everything that names no other. */
export const DEFAULT_PROJECT = "default";

/** A project's name: configs, executions and all that comes of them belong to one, and to others they are not there. */
export const projectSchema = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    "a project's name has 1 to 63 lower-case letters, digits and inner dashes",
  );

const time = z.iso.datetime();

/** An API key, without its secret. */
export const apiKeySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    project: z.string().nullable().describe("The one project that it opens; `null`: all of them"),
    scopes: z.array(scopeSchema).describe("What it may do; each scope includes those before it"),
    created_at: time,
    created_by: z.string(),
    expires_at: time.nullable(),
    last_used_at: time.nullable().describe("At most a minute behind"),
    revoked_at: time.nullable(),
    rotated_to: z.string().nullable().describe("The key that takes its place"),
  })
  .meta({ id: "ApiKey" });

/** @see apiKeySchema */
export type ApiKey = z.infer<typeof apiKeySchema>;

/** An API key, this once with what it is sent as. */
export const apiKeyWithSecretSchema = apiKeySchema
  .extend({
    secret: z.string().describe("To be sent as `Authorization: Bearer …`. It is told this once, and stored nowhere"),
  })
  .meta({ id: "ApiKeyWithSecret" });

/** @see apiKeyWithSecretSchema */
export type ApiKeyWithSecret = z.infer<typeof apiKeyWithSecretSchema>;

/** `GET /keys`. */
export const apiKeyListSchema = listSchema("keys", apiKeySchema);

/** The query of `GET /keys`. */
export const apiKeyListQuerySchema = pageQuerySchema.extend({
  project: projectSchema.optional().describe("Only those of this project"),
});

/** The body of `POST /keys`. */
export const createApiKeySchema = z.strictObject({
  name: z.string().trim().min(1).max(256).describe("Who or what it is for"),
  scopes: z.array(scopeSchema).min(1).max(SCOPES.length),
  project: projectSchema
    .nullable()
    .optional()
    .describe("The one project that it opens; by default that of who makes it, or all"),
  expires_at: timeQuery("From when on it opens nothing; by default never"),
  expires_in_days: floatQuery({ ge: 0.001, le: 36_500, description: "In place of `expires_at`" }).optional(),
});

/** The body of `POST /keys/{key_id}/rotate`. */
export const rotateApiKeySchema = z.strictObject({
  overlap_seconds: floatQuery({
    ge: 0,
    le: 30 * 24 * 3600,
    default: 24 * 3600,
    description: "How long the old key is good beside the new one",
  }),
});

/** An entry of the audit log. */
export const auditEntrySchema = z
  .object({
    id: z.string(),
    at: time,
    actor: z.object({ kind: z.string(), id: z.string(), name: z.string() }),
    action: z.string().describe("As `config.create`, `execution.cancel`"),
    target: z.object({ kind: z.string(), id: z.string() }).nullable(),
    project: z.string().nullable(),
    outcome: z
      .enum(["allowed", "denied", "failed"])
      .describe("`allowed`: it was done; `denied`: by access control; `failed`: for another reason"),
    status: z.int().describe("Of the HTTP answer"),
    request_id: z.string(),
    address: z.string().nullable(),
    count: z.int().describe("How many of the kind it stands for: what is denied is not written down one by one"),
  })
  .meta({ id: "AuditEntry" });

/** `GET /audit`. */
export const auditListSchema = listSchema("entries", auditEntrySchema);

/** The query of `GET /audit`. */
export const auditQuerySchema = pageQuerySchema.extend({
  actor: z.string().optional().describe("An actor's id or name"),
  action: z.string().optional().describe("An action, or what it begins with up to a dot, as `config`"),
  project: projectSchema.optional(),
  outcome: auditEntrySchema.shape.outcome.optional(),
  from: timeQuery("Not before"),
  to: timeQuery("Before"),
});

/** The body of `POST /executions/{execution_id}/events/ticket`. */
export const createTicketSchema = z.strictObject({
  expires_in_seconds: floatQuery({ ge: 1, le: 3600, default: 60, description: "How long it opens streams" }),
});

/** A ticket for the streams of an execution. */
export const ticketSchema = z
  .object({
    ticket: z.string().describe("To be sent as the query's `ticket`"),
    execution_id: z.string(),
    expires_at: time,
    url: z.string().describe("Path and query of the stream, with the ticket"),
  })
  .meta({ id: "StreamTicket" });

/** @see apiKeyListSchema */
export type ApiKeyList = z.infer<typeof apiKeyListSchema>;

/** @see apiKeyListQuerySchema */
export type ApiKeyListQuery = Sent<typeof apiKeyListQuerySchema>;

/** @see createApiKeySchema */
export type CreateApiKey = Sent<typeof createApiKeySchema>;

/** @see rotateApiKeySchema */
export type RotateApiKey = Sent<typeof rotateApiKeySchema>;

/** @see auditListSchema */
export type AuditList = z.infer<typeof auditListSchema>;

/** @see auditQuerySchema */
export type AuditQuery = Sent<typeof auditQuerySchema>;

/** @see createTicketSchema */
export type CreateTicket = Sent<typeof createTicketSchema>;

/** @see ticketSchema */
export type StreamTicket = z.infer<typeof ticketSchema>;
