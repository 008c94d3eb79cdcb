import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type Client, createClient } from "@millrace/client";
import { eventually } from "../support/eventually.ts";

/** The two projects whose things have the same names. */
export const PROJECTS = ["mine", "theirs"] as const;

/** A pipeline of which there is something of everything when it is over: objects, documents, a message that failed. */
export function pipelineOf(own: string): string {
  return `version: "1.0"
name: same
error_handling: { max_retries: 0 }
routes:
  make: { adapters: [{ type: generate, config: { count: 1, payload: { text: "word ${own}" } } }], outbound: [keep] }
  keep:
    adapters:
      - { type: store_write, config: { name: "\${index}.json" } }
      - { type: index, config: { collection: docs, id: "\${index}" } }
      - { type: index, config: { collection: only-${own}, id: "\${index}" } }
      - { type: fail, config: { code: NO_GOOD, message: broken } }
init_message: { route: make }
`;
}

/** Ids of what there is of a project, or might be. */
export interface Things {
  readonly config: string;
  readonly execution: string;
  readonly message: string;
  readonly failed: string;
  readonly object: string;
  readonly trigger: string;
  readonly webhook: string;
  readonly delivery: string;
  readonly collection: string;
  readonly key: string;
}

/** What nobody has. */
export function nothing(): Things {
  const execution = randomUUID();
  return {
    config: randomUUID(),
    execution,
    message: randomUUID(),
    failed: randomUUID(),
    object: `executions/${execution}/keep/keep/0.json`,
    trigger: randomUUID(),
    webhook: randomUUID(),
    delivery: `msg_${randomUUID()}`,
    collection: `only-${randomUUID()}`,
    key: randomUUID(),
  };
}

/** The client of one project; with a key where one is needed. */
export function clientOf(url: string, project: string, apiKey?: string): Client {
  return createClient({ baseUrl: url, project, ...(apiKey === undefined ? {} : { apiKey }) });
}

/** Makes one of everything in a project, under names that the other project has too. */
export async function makeThings(url: string, project: string, apiKey?: string): Promise<Things> {
  const client = clientOf(url, project, apiKey);
  const config = await client.configs.create({ config_yaml: pipelineOf(project) });
  assert.equal(config.project, project);
  const webhook = await client.webhooks.create({ url: "http://127.0.0.1:9/", name: "same" });
  const key = await client.keys.create({ name: "same", scopes: ["read"] });
  assert.equal(key.project, project);
  const trigger = await client.triggers.create({ config_id: config.id, kind: "call", name: "same" });
  const run = () => client.configs.run(config.id, { tag: "same", idempotency_key: "same" });
  const execution = await run();
  assert.equal((await run()).id, execution.id, "the key is the project's own");
  await client.executions.wait(execution.id, 60);
  const { failures } = await client.executions.failures(execution.id);
  const { objects } = await client.storage.list({ execution_id: "same" });
  const delivery = await eventually(async () => {
    const { deliveries } = await client.webhooks.deliveries(webhook.id);
    assert.equal(deliveries.length, 1, "told of its own project's executions alone");
    return deliveries[0];
  });
  return {
    config: config.id,
    execution: execution.id,
    message: execution.root_correlation_id,
    failed: failures[0]?.message_id ?? "",
    object: objects[0]?.key ?? "",
    trigger: trigger.id,
    webhook: webhook.id,
    delivery: delivery?.id ?? "",
    collection: `only-${project}`,
    key: key.id,
  };
}
