import type { FilePlaces } from "@millrace/adapters";
import type { Clock, Executions, Ids, Journal, Records } from "@millrace/engine";
import type { Logger } from "pino";
import type { Configs } from "./configs.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { Stores } from "./stores/stores.ts";
import { deliverySpans } from "./traces/delivery-spans.ts";
import type { Tracing } from "./traces/tracing.ts";
import { FolderWatch } from "./triggers/folder-watch.ts";
import { ManageTriggers } from "./triggers/manage-triggers.ts";
import { TriggerLoop } from "./triggers/trigger-loop.ts";
import { DeliveryLoop } from "./webhooks/delivery-loop.ts";
import { ManageWebhooks } from "./webhooks/manage-webhooks.ts";
import { postOver } from "./webhooks/post.ts";
import type { WebhookSecrets } from "./webhooks/webhook-secrets.ts";

/** What triggers and webhooks stand on. */
export interface TriggersAndWebhooksParts {
  readonly stores: Pick<Stores, "triggers" | "deliveries">;
  readonly journal: Journal;
  /** Which files triggers may look for. */
  readonly places: FilePlaces;
  readonly configs: Configs;
  readonly executions: Executions;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
  readonly secrets: WebhookSecrets;
  /** Hosts that deliveries may go to although their addresses are private. */
  readonly allowHosts: readonly string[];
  readonly metrics: Metrics | null;
  /** Hosts that deliveries tell of the trace of their execution. */
  readonly traceHosts: readonly string[];
  readonly tracing: Tracing | null;
  readonly records: Records;
}

/** What makes runs by itself, and what tells others how they ended. */
export interface TriggersAndWebhooks {
  readonly manageTriggers: ManageTriggers;
  readonly manageWebhooks: ManageWebhooks;
  /** Resolves when nothing is set off and nothing is sent any more. */
  stop(): Promise<void>;
}

/** Begins to set triggers off and to tell webhooks. */
export function startTriggersAndWebhooks(parts: TriggersAndWebhooksParts): TriggersAndWebhooks {
  const { stores, configs, executions, journal, clock, ids, log, secrets, allowHosts, traceHosts } = parts;
  const { metrics, tracing, records } = parts;
  const { triggers, deliveries } = stores;
  const folders = new FolderWatch({ triggers, clock, ids, places: parts.places });
  const firing = { triggers, configs, executions, clock, ids, folders, metrics };
  const loop = new TriggerLoop({ ...firing, log });
  const delivering = new DeliveryLoop({
    deliveries,
    journal,
    secrets,
    post: postOver(allowHosts, traceHosts),
    traces: tracing === null ? null : deliverySpans(tracing, records),
    clock,
    ids,
    log,
    metrics,
  });
  loop.start();
  delivering.start();
  return {
    manageTriggers: new ManageTriggers(firing),
    manageWebhooks: new ManageWebhooks({ deliveries, journal, clock, ids, look: () => delivering.look() }),
    async stop() {
      await Promise.all([loop.stop(), delivering.stop()]);
    },
  };
}
