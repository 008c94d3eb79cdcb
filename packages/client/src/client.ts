import { type AuditClient, auditOf, type KeysClient, keysOf } from "./access.ts";
import { type Configs, configsOf } from "./configs.ts";
import { type Executions, executionsOf } from "./executions.ts";
import { type Lineage, lineageOf } from "./lineage.ts";
import { type Projects, projectsOf } from "./projects.ts";
import { type ClientOptions, createApi } from "./request.ts";
import { type Search, searchOf } from "./search.ts";
import { type SessionClient, sessionOf } from "./session.ts";
import { type Storage, storageOf } from "./storage.ts";
import { type Adapters, adaptersOf, type System, systemOf } from "./system.ts";
import { type TriggersClient, triggersOf } from "./triggers.ts";
import { type WebhooksClient, webhooksOf } from "./webhooks.ts";

/** A typed client of the Millrace API. Every call rejects with `ApiError`. */
export interface Client {
  readonly configs: Configs;
  readonly executions: Executions;
  readonly lineage: Lineage;
  readonly storage: Storage;
  readonly search: Search;
  readonly projects: Projects;
  readonly adapters: Adapters;
  readonly system: System;
  readonly triggers: TriggersClient;
  readonly webhooks: WebhooksClient;
  readonly keys: KeysClient;
  readonly audit: AuditClient;
  readonly session: SessionClient;
}

/**
 * A client of one service. It holds no connection, but while something is asked or followed.
 * @throws TypeError where `baseUrl` is no URL
 */
export function createClient(options: ClientOptions = {}): Client {
  const api = createApi(options);
  return {
    configs: configsOf(api),
    executions: executionsOf(api),
    lineage: lineageOf(api),
    storage: storageOf(api),
    search: searchOf(api),
    projects: projectsOf(api),
    adapters: adaptersOf(api),
    system: systemOf(api),
    triggers: triggersOf(api),
    webhooks: webhooksOf(api),
    keys: keysOf(api),
    audit: auditOf(api),
    session: sessionOf(api),
  };
}
