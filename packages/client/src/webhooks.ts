import type {
  CreateWebhook,
  Delivery,
  DeliveryList,
  DeliveryQuery,
  PageQuery,
  UpdateWebhook,
  Webhook,
  WebhookList,
  WebhookWithSecret,
} from "@millrace/protocol";
import { type Api, type CallOptions, segment } from "./request.ts";

const PATH = "/api/v1/webhooks";

/** Calls about where the ends of executions are told. */
export function webhooksOf(api: Api) {
  const one = (id: string) => `${PATH}/${segment(id)}`;
  const delivery = (id: string, deliveryId: string) => `${one(id)}/deliveries/${segment(deliveryId)}`;
  return {
    list: (query: PageQuery = {}, call?: CallOptions): Promise<WebhookList> =>
      api.json("GET", PATH, { query, ...call }),
    get: (id: string, call?: CallOptions): Promise<Webhook> => api.json("GET", one(id), call),
    /** The answer alone has the key that deliveries are signed with. */
    create: (body: CreateWebhook, call?: CallOptions): Promise<WebhookWithSecret> =>
      api.json("POST", PATH, { body, ...call }),
    /** What is left out stays as it is. */
    update: (id: string, body: UpdateWebhook, call?: CallOptions): Promise<Webhook> =>
      api.json("PATCH", one(id), { body, ...call }),
    delete: (id: string, call?: CallOptions): Promise<void> => api.json("DELETE", one(id), call),
    /** Sends `webhook.test`. */
    test: (id: string, call?: CallOptions): Promise<Delivery> => api.json("POST", `${one(id)}/test`, call),
    /** Newest first. */
    deliveries: (id: string, query: DeliveryQuery = {}, call?: CallOptions): Promise<DeliveryList> =>
      api.json("GET", `${one(id)}/deliveries`, { query, ...call }),
    delivery: (id: string, deliveryId: string, call?: CallOptions): Promise<Delivery> =>
      api.json("GET", delivery(id, deliveryId), call),
    /** Makes a delivery anew that was made, or given up. */
    redeliver: (id: string, deliveryId: string, call?: CallOptions): Promise<Delivery> =>
      api.json("POST", `${delivery(id, deliveryId)}/redeliver`, call),
  };
}

/** @see webhooksOf */
export type WebhooksClient = ReturnType<typeof webhooksOf>;
