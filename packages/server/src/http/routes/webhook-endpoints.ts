import {
  createWebhookSchema,
  deliveryListSchema,
  deliveryQuerySchema,
  deliverySchema,
  pageQuerySchema,
  updateWebhookSchema,
  webhookListSchema,
  webhookSchema,
  webhookWithSecretSchema,
} from "@millrace/protocol";
import { z } from "zod";
import { type ManageWebhooks, showDelivery, showWebhook } from "../../webhooks/manage-webhooks.ts";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../endpoint.ts";
import { pageOf } from "../page.ts";

/** What the webhooks' endpoints stand on. */
export interface WebhookEndpointParts {
  readonly manageWebhooks: ManageWebhooks;
}

const tag = "Webhooks";
const params = z.object({ webhook_id: z.string() });
const deliveryParams = params.extend({ delivery_id: z.string() });
const notFound = errorResponses("WEBHOOK_NOT_FOUND");
const invalid = validationResponse;
const unavailable = errorResponses("SERVICE_UNAVAILABLE");

/** `/api/v1/webhooks`. */
export function webhookEndpoints({ manageWebhooks }: WebhookEndpointParts): Endpoint[] {
  return [
    endpoint({
      method: "POST",
      path: "/api/v1/webhooks",
      access: "write",
      summary: "Create a webhook",
      description:
        "It is told of executions that end, or are interrupted, from now on. Each delivery is signed as the Standard Webhooks specification has it; the key is told this once.",
      tag,
      body: createWebhookSchema,
      responses: { 201: { description: "The webhook", schema: webhookWithSecretSchema }, ...invalid, ...unavailable },
      handler: async ({ body, view, reply }) => reply.code(201).send(await manageWebhooks.create(view, body)),
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/webhooks",
      access: "read",
      summary: "List webhooks",
      tag,
      query: pageQuerySchema,
      responses: { 200: { description: "A page of webhooks", schema: webhookListSchema }, ...invalid },
      handler: async ({ query, view }) => {
        const { total, items } = await manageWebhooks.list(view, query);
        return pageOf("webhooks", query, { total, items: items.map(showWebhook) });
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/webhooks/{webhook_id}",
      access: "read",
      summary: "Get a webhook",
      tag,
      params,
      responses: { 200: { description: "The webhook", schema: webhookSchema }, ...notFound },
      handler: async ({ params: { webhook_id: id }, view }) => showWebhook(await manageWebhooks.find(view, id)),
    }),
    endpoint({
      method: "PATCH",
      path: "/api/v1/webhooks/{webhook_id}",
      access: "write",
      summary: "Change a webhook",
      description: "What is left out stays as it is. What happens while it is disabled is not told later.",
      tag,
      params,
      body: updateWebhookSchema,
      responses: {
        200: { description: "The webhook", schema: webhookSchema },
        ...notFound,
        ...errorResponses("TRIGGER_CHANGED"),
        ...invalid,
        ...unavailable,
      },
      handler: async ({ params: { webhook_id: id }, body, view }) => manageWebhooks.update(view, id, body),
    }),
    endpoint({
      method: "DELETE",
      path: "/api/v1/webhooks/{webhook_id}",
      access: "write",
      summary: "Delete a webhook",
      description: "With its deliveries, those included that are still to be made.",
      tag,
      params,
      responses: { 204: { description: "Deleted" }, ...notFound, ...unavailable },
      handler: async ({ params: { webhook_id: id }, view, request, reply }) => {
        request.concerns = (await manageWebhooks.find(view, id)).project;
        await manageWebhooks.delete(view, id);
        return reply.code(204).send();
      },
    }),
    endpoint({
      method: "POST",
      path: "/api/v1/webhooks/{webhook_id}/test",
      access: "write",
      summary: "Send a webhook a test",
      description: "The event `webhook.test`, in the form of the others.",
      tag,
      params,
      responses: {
        202: { description: "The delivery, which is made next", schema: deliverySchema },
        ...notFound,
        ...errorResponses("TRIGGER_DISABLED"),
        ...unavailable,
      },
      handler: async ({ params: { webhook_id: id }, view, request, reply }) => {
        request.concerns = (await manageWebhooks.find(view, id)).project;
        return reply.code(202).send(await manageWebhooks.test(view, id));
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/webhooks/{webhook_id}/deliveries",
      access: "read",
      summary: "List a webhook's deliveries, newest first",
      description: "Those of the last 30 days, with their attempts.",
      tag,
      params,
      query: deliveryQuerySchema,
      responses: { 200: { description: "A page of deliveries", schema: deliveryListSchema }, ...notFound, ...invalid },
      handler: async ({ params: { webhook_id: id }, query, view }) => {
        const { state, ...page } = query;
        const { total, items } = await manageWebhooks.listDeliveries(view, id, {
          ...page,
          ...(state === undefined ? {} : { state }),
        });
        return pageOf("deliveries", query, { total, items: items.map(showDelivery) });
      },
    }),
    endpoint({
      method: "GET",
      path: "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}",
      access: "read",
      summary: "Get a delivery",
      tag,
      params: deliveryParams,
      responses: {
        200: { description: "The delivery", schema: deliverySchema },
        ...errorResponses("WEBHOOK_NOT_FOUND", "DELIVERY_NOT_FOUND"),
      },
      handler: async ({ params: { webhook_id: id, delivery_id: delivery }, view }) =>
        showDelivery(await manageWebhooks.findDelivery(view, id, delivery)),
    }),
    endpoint({
      method: "POST",
      path: "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
      access: "write",
      summary: "Make a delivery anew",
      description: "With the same id and body, and with all its attempts before it. It must be delivered, or given up.",
      tag,
      params: deliveryParams,
      responses: {
        202: { description: "The delivery, which is made next", schema: deliverySchema },
        ...errorResponses("WEBHOOK_NOT_FOUND", "DELIVERY_NOT_FOUND", "DELIVERY_PENDING"),
        ...unavailable,
      },
      handler: async ({ params: { webhook_id: id, delivery_id: delivery }, view, request, reply }) => {
        request.concerns = (await manageWebhooks.find(view, id)).project;
        return reply.code(202).send(await manageWebhooks.redeliver(view, id, delivery));
      },
    }),
  ];
}
