import type { FiringRecord } from "@millrace/engine";
import {
  createTriggerSchema,
  fireTriggerSchema,
  firingListSchema,
  firingSchema,
  jsonObjectSchema,
  pageQuerySchema,
  triggerListSchema,
  triggerQuerySchema,
  triggerSchema,
  triggerWithSecretSchema,
  updateTriggerSchema,
} from "@millrace/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { ManageTriggers } from "../../triggers/manage-triggers.ts";
import { showFiring } from "../../triggers/trigger-view.ts";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../endpoint.ts";
import { pageOf } from "../page.ts";

/** What the triggers' endpoints stand on. */
export interface TriggerEndpointParts {
  readonly manageTriggers: ManageTriggers;
}

const tag = "Triggers";
const params = z.object({ trigger_id: z.string() });
const notFound = errorResponses("TRIGGER_NOT_FOUND");
const invalid = validationResponse;
const unavailable = errorResponses("SERVICE_UNAVAILABLE");
const headers = z.object({
  "idempotency-key": z.string().min(1).max(256).optional().describe("The same key sets it off once"),
});
const fired = {
  201: { description: "Its run was started", schema: firingSchema },
  202: { description: "Its run is still to be started", schema: firingSchema },
  200: { description: "Nothing came of it, as the trigger says", schema: firingSchema },
  ...errorResponses("CONFIG_INVALID", "SECRET_UNAVAILABLE", "CONFIG_INACTIVE", "TRIGGER_NOT_FOUND", "TAG_TAKEN"),
};

/** `/api/v1/triggers`. */
export function triggerEndpoints({ manageTriggers }: TriggerEndpointParts): Endpoint[] {
  return [
    endpoint({
      method: "POST",
      path: "/api/v1/triggers",
      access: "write",
      summary: "Create a trigger",
      description:
        "What makes runs of a config: the clock, a file that appears, or a call. A secret is told this once.",
      tag,
      body: createTriggerSchema,
      responses: {
        201: { description: "The trigger", schema: triggerWithSecretSchema },
        ...errorResponses("CONFIG_NOT_FOUND"),
        ...invalid,
        ...unavailable,
      },
      handler: async ({ body, view, reply }) => reply.code(201).send(await manageTriggers.create(view, body)),
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/triggers",
      access: "read",
      summary: "List triggers",
      tag,
      query: triggerQuerySchema,
      responses: { 200: { description: "A page of triggers", schema: triggerListSchema }, ...invalid },
      handler: async ({ query, view }) => {
        const { config_id: configId, kind, ...page } = query;
        const found = await manageTriggers.list(view, {
          ...page,
          ...(configId === undefined ? {} : { configId }),
          ...(kind === undefined ? {} : { kind }),
        });
        const items = await Promise.all(found.items.map((trigger) => manageTriggers.show(trigger)));
        return pageOf("triggers", query, { total: found.total, items });
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/triggers/{trigger_id}",
      access: "read",
      summary: "Get a trigger",
      tag,
      params,
      responses: { 200: { description: "The trigger", schema: triggerSchema }, ...notFound },
      handler: async ({ params: { trigger_id: id }, view }) => manageTriggers.show(await manageTriggers.find(view, id)),
    }),
    endpoint({
      method: "PATCH",
      path: "/api/v1/triggers/{trigger_id}",
      access: "write",
      summary: "Change a trigger",
      description: "What is left out stays as it is; its kind does.",
      tag,
      params,
      body: updateTriggerSchema,
      responses: {
        200: { description: "The trigger", schema: triggerSchema },
        ...notFound,
        ...errorResponses("TRIGGER_CHANGED"),
        ...invalid,
        ...unavailable,
      },
      handler: async ({ params: { trigger_id: id }, body, view }) => manageTriggers.update(view, id, body),
    }),
    endpoint({
      method: "DELETE",
      path: "/api/v1/triggers/{trigger_id}",
      access: "write",
      summary: "Delete a trigger",
      description: "With its firings; the executions that came of them stay.",
      tag,
      params,
      responses: { 204: { description: "Deleted" }, ...notFound, ...unavailable },
      handler: async ({ params: { trigger_id: id }, view, request, reply }) => {
        request.concerns = (await manageTriggers.find(view, id)).project;
        await manageTriggers.delete(view, id);
        return reply.code(204).send();
      },
    }),
    endpoint({
      method: "POST",
      path: "/api/v1/triggers/{trigger_id}/fire",
      access: "run",
      counts: "run",
      summary: "Set a trigger off",
      description: "Now, and also where it is disabled.",
      tag,
      params,
      headers,
      body: fireTriggerSchema,
      bodyOptional: true,
      responses: { ...fired, ...invalid, ...unavailable },
      handler: async ({
        params: { trigger_id: id },
        headers: { "idempotency-key": key },
        body,
        view,
        request,
        reply,
      }) => {
        const trigger = await manageTriggers.find(view, id);
        request.concerns = trigger.project;
        return answer(request, reply, await manageTriggers.fire(trigger, body.payload, key ?? null));
      },
    }),
    endpoint({
      method: "POST",
      path: "/api/v1/triggers/{trigger_id}/rotate",
      access: "write",
      summary: "Give a trigger's URL a new secret",
      description: "The one before it opens nothing any more. The new one is told this once.",
      tag,
      params,
      responses: {
        200: { description: "The trigger", schema: triggerWithSecretSchema },
        ...notFound,
        ...errorResponses("TRIGGER_CHANGED"),
        ...unavailable,
      },
      handler: async ({ params: { trigger_id: id }, view }) => manageTriggers.rotate(view, id),
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/triggers/{trigger_id}/firings",
      access: "read",
      summary: "List a trigger's firings, newest first",
      description: "Those of the last 30 days.",
      tag,
      params,
      query: pageQuerySchema,
      responses: { 200: { description: "A page of firings", schema: firingListSchema }, ...notFound, ...invalid },
      handler: async ({ params: { trigger_id: id }, query, view }) => {
        const { total, items } = await manageTriggers.listFirings(view, id, query);
        return pageOf("firings", query, { total, items: items.map(showFiring) });
      },
    }),
    endpoint({
      method: "POST",
      path: "/api/v1/triggers/{trigger_id}/{secret}",
      access: "open",
      audit: "trigger.call",
      counts: "run",
      summary: "Call a trigger",
      description: "Sets a trigger of the kind `call` off. The body is merged into its payload.",
      tag,
      params: params.extend({ secret: z.string() }),
      headers,
      body: jsonObjectSchema,
      bodyOptional: true,
      responses: {
        ...fired,
        ...errorResponses(
          "CONFIG_INVALID",
          "SECRET_UNAVAILABLE",
          "CONFIG_INACTIVE",
          "TRIGGER_NOT_FOUND",
          "TAG_TAKEN",
          "TRIGGER_DISABLED",
        ),
        ...invalid,
        ...unavailable,
      },
      handler: async ({
        params: { trigger_id: id, secret },
        headers: { "idempotency-key": key },
        body,
        request,
        reply,
      }) => {
        const trigger = await manageTriggers.called(id, secret);
        request.concerns = trigger.project;
        return answer(request, reply, await manageTriggers.fire(trigger, body, key ?? null));
      },
    }),
  ];
}

function answer(request: FastifyRequest, reply: FastifyReply, firing: FiringRecord): FastifyReply {
  const isWaiting = firing.outcome === "pending" || firing.outcome === "starting";
  if (firing.outcome === "started") request.startedExecution = firing.executionId;
  return reply.code(firing.outcome === "started" ? 201 : isWaiting ? 202 : 200).send(showFiring(firing));
}
