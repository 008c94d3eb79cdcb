import type { Things } from "./two-projects.ts";

/** A request about some things. */
export interface Asked {
  readonly path: string;
  readonly body?: unknown;
}

/**
 * What one project's principal may find out about another's things by an operation. `hidden`: each of the requests is
 * answered as if the things were not there, with this status. `list`: there are none of them in it. `apart`: nothing
 * of it belongs to a project, for the reason that is given.
 */
export type Case =
  | { readonly hidden: (things: Things) => readonly Asked[]; readonly status?: number }
  | { readonly list: readonly string[]; readonly body?: unknown }
  | { readonly apart: string };

const ofExecution =
  (end = "", body?: unknown) =>
  ({ execution }: Things): Asked[] => [{ path: `/api/v1/executions/${execution}${end}`, body }];
const ofConfig =
  (end = "", body?: unknown) =>
  ({ config }: Things): Asked[] => [{ path: `/api/v1/configs/${config}${end}`, body }];
const ofTrigger =
  (end = "", body?: unknown) =>
  ({ trigger }: Things): Asked[] => [{ path: `/api/v1/triggers/${trigger}${end}`, body }];
const ofWebhook =
  (end = "", body?: unknown) =>
  ({ webhook }: Things): Asked[] => [{ path: `/api/v1/webhooks/${webhook}${end}`, body }];
const ofDelivery =
  (end = "") =>
  ({ webhook, delivery }: Things): Asked[] => [{ path: `/api/v1/webhooks/${webhook}/deliveries/${delivery}${end}` }];
const ofKey =
  (end = "") =>
  ({ key }: Things): Asked[] => [{ path: `/api/v1/keys/${key}${end}` }];
const ofMessage =
  (end = "") =>
  ({ message, execution }: Things): Asked[] => [
    { path: `/api/v1/lineage/${message}${end}` },
    { path: `/api/v1/lineage/${message}${end}?execution_id=${execution}` },
  ];

/** By method and path, as in the OpenAPI document. */
export const CASES: Readonly<Record<string, Case>> = {
  "POST /api/v1/configs": { apart: "it makes one in the project of whoever asks" },
  "GET /api/v1/configs": { list: ["/api/v1/configs"] },
  "POST /api/v1/configs/validate": { apart: "a text is looked at" },
  "GET /api/v1/configs/{config_id}": { hidden: ofConfig() },
  "PUT /api/v1/configs/{config_id}": { hidden: ofConfig("", { name: "taken" }) },
  "DELETE /api/v1/configs/{config_id}": { hidden: ofConfig() },
  "GET /api/v1/configs/{config_id}/versions": { hidden: ofConfig("/versions") },
  "GET /api/v1/configs/{config_id}/versions/{version}": { hidden: ofConfig("/versions/1") },
  "POST /api/v1/configs/{config_id}/run": { hidden: ofConfig("/run", {}) },
  "POST /api/v1/executions": { hidden: ({ config }) => [{ path: "/api/v1/executions", body: { config_id: config } }] },
  "GET /api/v1/executions": { list: ["/api/v1/executions", "/api/v1/executions?tag=same&search=same"] },
  "GET /api/v1/executions/{execution_id}": { hidden: ofExecution() },
  "PATCH /api/v1/executions/{execution_id}": { hidden: ofExecution("", { status: "cancelled" }) },
  "DELETE /api/v1/executions/{execution_id}": { hidden: ofExecution() },
  "POST /api/v1/executions/{execution_id}/wait": { hidden: ofExecution("/wait", { timeout: 1 }) },
  "GET /api/v1/executions/{execution_id}/stats": { hidden: ofExecution("/stats") },
  "GET /api/v1/executions/{execution_id}/dag": { hidden: ofExecution("/dag") },
  "GET /api/v1/executions/{execution_id}/routes": { hidden: ofExecution("/routes") },
  "GET /api/v1/executions/{execution_id}/failures": { hidden: ofExecution("/failures") },
  "GET /api/v1/executions/{execution_id}/failures/groups": { hidden: ofExecution("/failures/groups") },
  "POST /api/v1/executions/{execution_id}/failures/retry": {
    hidden: ({ execution, failed, config }) => [
      { path: `/api/v1/executions/${execution}/failures/retry`, body: { all: true } },
      { path: `/api/v1/executions/${execution}/failures/retry`, body: { message_ids: [failed] } },
      // Of an execution that is one's own, by a config that is not.
      { path: "/api/v1/executions/same/failures/retry", body: { all: true, config_id: config } },
    ],
  },
  "POST /api/v1/executions/{execution_id}/replay": {
    hidden: ({ execution, config }) => [
      {
        path: `/api/v1/executions/${execution}/replay`,
        body: { replay_source: "manual", to_route: "keep", payloads: [{}] },
      },
      {
        path: "/api/v1/executions/same/replay",
        body: { replay_source: "manual", to_route: "keep", payloads: [{}], config_id: config },
      },
    ],
  },
  "GET /api/v1/executions/{execution_id}/replays": { hidden: ofExecution("/replays") },
  "GET /api/v1/executions/{execution_id}/events": {
    hidden: ({ execution }) => [
      { path: `/api/v1/executions/${execution}/events?timeout=1` },
      { path: `/api/v1/executions/${execution}/events?timeout=1&view=progress` },
      { path: `/api/v1/executions/${execution}/events?timeout=1&route=keep&since=now` },
    ],
  },
  "POST /api/v1/executions/{execution_id}/events/ticket": { hidden: ofExecution("/events/ticket", {}) },
  "GET /api/v1/events": {
    hidden: ({ execution }) => [
      { path: `/api/v1/events?timeout=1&execution_id=${execution}` },
      { path: `/api/v1/events?timeout=1&execution_id=same&execution_id=${execution}` },
    ],
  },
  "GET /api/v1/lineage": { list: ["/api/v1/lineage"] },
  "GET /api/v1/lineage/failures": { list: ["/api/v1/lineage/failures"] },
  "GET /api/v1/lineage/stats": {
    hidden: ({ execution }) => [{ path: `/api/v1/lineage/stats?execution_id=${execution}` }],
  },
  "GET /api/v1/lineage/{correlation_id}": { hidden: ofMessage() },
  "GET /api/v1/lineage/{correlation_id}/chain": { hidden: ofMessage("/chain") },
  "GET /api/v1/lineage/{correlation_id}/children": { hidden: ofMessage("/children") },
  "GET /api/v1/projects": { list: ["/api/v1/projects"] },
  "GET /api/v1/search": {
    hidden: ({ collection }) => [{ path: `/api/v1/search?collection=${collection}&q=word` }],
  },
  "POST /api/v1/search": {
    hidden: ({ collection }) => [{ path: "/api/v1/search", body: { collection, q: "word" } }],
  },
  "GET /api/v1/collections": { list: ["/api/v1/collections"] },
  "GET /api/v1/collections/{name}": { hidden: ({ collection }) => [{ path: `/api/v1/collections/${collection}` }] },
  "DELETE /api/v1/collections/{name}": { hidden: ({ collection }) => [{ path: `/api/v1/collections/${collection}` }] },
  "GET /api/v1/storage/objects": {
    list: [
      "/api/v1/storage/objects",
      "/api/v1/storage/objects?prefix=executions/&delimiter=/",
      "/api/v1/storage/objects?extension=json",
    ],
  },
  "GET /api/v1/storage/objects/{key}": { hidden: ({ object }) => [{ path: `/api/v1/storage/objects/${object}` }] },
  "GET /api/v1/storage/objects/{key}/metadata": {
    hidden: ({ object }) => [{ path: `/api/v1/storage/objects/${object}/metadata` }],
  },
  "GET /api/v1/storage/events": {
    hidden: ({ execution }) => [
      { path: `/api/v1/storage/events?timeout=1&execution_id=${execution}` },
      { path: `/api/v1/storage/events?timeout=1&execution_id=same&execution_id=${execution}` },
    ],
  },
  "POST /api/v1/triggers": {
    hidden: ({ config }) => [{ path: "/api/v1/triggers", body: { config_id: config, kind: "call" } }],
  },
  "GET /api/v1/triggers": { list: ["/api/v1/triggers", "/api/v1/triggers?kind=call"] },
  "GET /api/v1/triggers/{trigger_id}": { hidden: ofTrigger() },
  "PATCH /api/v1/triggers/{trigger_id}": { hidden: ofTrigger("", { enabled: false }) },
  "DELETE /api/v1/triggers/{trigger_id}": { hidden: ofTrigger() },
  "POST /api/v1/triggers/{trigger_id}/fire": { hidden: ofTrigger("/fire", {}) },
  "POST /api/v1/triggers/{trigger_id}/rotate": { hidden: ofTrigger("/rotate") },
  "GET /api/v1/triggers/{trigger_id}/firings": { hidden: ofTrigger("/firings") },
  "POST /api/v1/triggers/{trigger_id}/{secret}": { hidden: ofTrigger("/0123456789abcdef0123456789abcdef", {}) },
  "POST /api/v1/webhooks": { apart: "it makes one in the project of whoever asks" },
  "GET /api/v1/webhooks": { list: ["/api/v1/webhooks"] },
  "GET /api/v1/webhooks/{webhook_id}": { hidden: ofWebhook() },
  "PATCH /api/v1/webhooks/{webhook_id}": { hidden: ofWebhook("", { enabled: false }) },
  "DELETE /api/v1/webhooks/{webhook_id}": { hidden: ofWebhook() },
  "POST /api/v1/webhooks/{webhook_id}/test": { hidden: ofWebhook("/test") },
  "GET /api/v1/webhooks/{webhook_id}/deliveries": { hidden: ofWebhook("/deliveries") },
  "GET /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}": { hidden: ofDelivery() },
  "POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": { hidden: ofDelivery("/redeliver") },
  "POST /api/v1/keys": { apart: "it makes one in the project of whoever asks" },
  "GET /api/v1/keys": { list: ["/api/v1/keys"] },
  "GET /api/v1/keys/{key_id}": { hidden: ofKey() },
  "POST /api/v1/keys/{key_id}/rotate": { hidden: ofKey("/rotate") },
  "DELETE /api/v1/keys/{key_id}": { hidden: ofKey() },
  "GET /api/v1/audit": { list: ["/api/v1/audit?action=config.create", "/api/v1/audit?action=key.create"] },
  "POST /api/v1/session": { apart: "it is about whoever asks" },
  "GET /api/v1/session": { apart: "it is about whoever asks" },
  "DELETE /api/v1/session": { apart: "it is about whoever asks" },
  "GET /metrics": { apart: "it is about the service, and for those of all projects alone" },
  "GET /api/v1/adapters": { apart: "the service has them" },
  "GET /api/v1/adapters/{type}": { apart: "the service has them" },
  "GET /api/v1/pipeline-schema.json": { apart: "the service has it" },
  "GET /api/v1/system/info": { apart: "it is about the service" },
  "GET /health/live": { apart: "it is about the service" },
  "GET /health/ready": { apart: "it is about the service" },
};
