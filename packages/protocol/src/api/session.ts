import { z } from "zod";
import { scopeSchema } from "./access.ts";

/** A way to log in. */
export const loginMethodSchema = z
  .object({
    kind: z.enum(["api_key", "oidc"]),
    name: z.string().nullable().describe("What the identity provider is called"),
    path: z.string().nullable().describe("Where a browser signs in there; with `return_to`, the path to lead back to"),
  })
  .meta({ id: "LoginMethod" });

/** The body of `POST /session`. */
export const createSessionSchema = z.strictObject({
  api_key: z.string().min(1).max(1024).optional().describe("An API key; in place of one in `Authorization`"),
});

/** Whoever asks, as the service knows them. */
export const sessionSchema = z
  .object({
    kind: z
      .enum(["anonymous", "key", "token", "session", "ticket"])
      .describe("By what they are known; `anonymous`: access control is off"),
    id: z.string(),
    name: z.string(),
    project: z.string().nullable().describe("The one project that they see; null: all of them"),
    scopes: z.array(scopeSchema),
    expires_at: z.iso.datetime().nullable().describe("When a login ends, whatever is done with it"),
    csrf_token: z
      .string()
      .nullable()
      .describe("What requests that change something say in `X-CSRF-Token` where a cookie is their credential"),
    login_methods: z.array(loginMethodSchema),
  })
  .meta({ id: "Session" });

/** @see loginMethodSchema */
export type LoginMethod = z.infer<typeof loginMethodSchema>;

/** @see createSessionSchema */
export type CreateSession = z.input<typeof createSessionSchema>;

/** @see sessionSchema */
export type SessionView = z.infer<typeof sessionSchema>;
