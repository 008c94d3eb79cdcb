import {
  apiKeyListQuerySchema,
  apiKeyListSchema,
  apiKeySchema,
  apiKeyWithSecretSchema,
  createApiKeySchema,
  rotateApiKeySchema,
} from "@millrace/protocol";
import { z } from "zod";
import { type ManageKeys, showKey } from "../../access/manage-keys.ts";
import type { Principal } from "../../access/principal.ts";
import type { ProjectView } from "../../access/project-of.ts";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../endpoint.ts";
import { pageOf } from "../page.ts";
import { ValidationFailure } from "../validation.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

const tag = "Access";
const params = z.object({ key_id: z.string() });
const notFound = errorResponses("KEY_NOT_FOUND");
const unavailable = errorResponses("SERVICE_UNAVAILABLE");

/** `/api/v1/keys`. */
export function keyEndpoints({ manageKeys }: { readonly manageKeys: ManageKeys }): Endpoint[] {
  return [
    endpoint({
      method: "POST",
      path: "/api/v1/keys",
      access: "admin",
      summary: "Make an API key",
      description: "The answer has the key itself, this once: what is stored is a hash of it.",
      tag,
      body: createApiKeySchema,
      responses: {
        201: { description: "The key", schema: apiKeyWithSecretSchema },
        ...validationResponse,
        ...unavailable,
      },
      handler: async ({ body, principal, view, reply }) => {
        const { name, scopes, project = view.project } = body;
        return reply
          .code(201)
          .send(await manageKeys.create(within(principal, view), { name, scopes, project, expiresAt: expiryOf(body) }));
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/keys",
      access: "admin",
      summary: "List API keys",
      tag,
      query: apiKeyListQuerySchema,
      responses: {
        200: { description: "A page of keys, the newest first", schema: apiKeyListSchema },
        ...validationResponse,
      },
      handler: async ({ query, principal, view }) => {
        const { project, limit, offset } = query;
        const page = await manageKeys.list(within(principal, view), {
          limit,
          offset,
          ...(project === undefined ? {} : { project }),
        });
        return pageOf("keys", query, { total: page.total, items: page.items.map(showKey) });
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/keys/{key_id}",
      access: "admin",
      summary: "Get an API key",
      tag,
      params,
      responses: { 200: { description: "The key, without its secret", schema: apiKeySchema }, ...notFound },
      handler: async ({ params: { key_id: id }, principal, view }) =>
        showKey(await manageKeys.get(within(principal, view), id)),
    }),
    endpoint({
      method: "POST",
      path: "/api/v1/keys/{key_id}/rotate",
      access: "admin",
      summary: "Rotate an API key",
      description: "Makes a key that opens the same. The old one is good for `overlap_seconds` more.",
      tag,
      params,
      body: rotateApiKeySchema,
      bodyOptional: true,
      responses: {
        201: { description: "The new key", schema: apiKeyWithSecretSchema },
        ...notFound,
        ...errorResponses("KEY_NOT_LIVE"),
        ...validationResponse,
        ...unavailable,
      },
      handler: async ({ params: { key_id: id }, body, principal, view, reply }) =>
        reply.code(201).send(await manageKeys.rotate(within(principal, view), id, body.overlap_seconds * 1000)),
    }),
    endpoint({
      method: "DELETE",
      path: "/api/v1/keys/{key_id}",
      access: "admin",
      summary: "Revoke an API key",
      description: "It opens nothing any more, and streams that it has opened end. It stays in the list.",
      tag,
      params,
      responses: { 204: { description: "Revoked" }, ...notFound, ...unavailable },
      handler: async ({ params: { key_id: id }, principal, view, request, reply }) => {
        const by = within(principal, view);
        request.concerns = (await manageKeys.get(by, id)).project;
        await manageKeys.revoke(by, id);
        return reply.code(204).send();
      },
    }),
  ];
}

/** Who asks, as far as the request is about one project. */
function within(principal: Principal, { project }: ProjectView): Principal {
  return { ...principal, project };
}

/** @throws ValidationFailure where there are two, or it is over */
function expiryOf(body: z.output<typeof createApiKeySchema>): number | null {
  const { expires_at: at, expires_in_days: days } = body;
  if (at !== undefined && days !== undefined) {
    throw refused("expires_in_days", days, "expires_at says so already");
  }
  if (days !== undefined) return Date.now() + Math.round(days * DAY_MS);
  if (at === undefined) return null;
  const time = Date.parse(at);
  if (time <= Date.now()) throw refused("expires_at", at, "it is over");
  return time;
}

function refused(name: string, input: unknown, error: string): ValidationFailure {
  return new ValidationFailure([
    { loc: ["body", name], msg: `Value error, ${error}`, type: "value_error", input, ctx: { error } },
  ]);
}
