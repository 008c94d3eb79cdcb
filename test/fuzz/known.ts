import type { Random } from "../support/random.ts";

/** So many values of a kind are kept: the newest, and those that were there first. */
const KEPT = 300;

/** Which kind a field or parameter is of, where its name does not say it. */
const KINDS: Readonly<Record<string, string>> = {
  parent_execution_id: "execution_id",
  config_ids: "config_id",
  message_ids: "message_id",
  parent_message_id: "message_id",
  parent_correlation_id: "correlation_id",
  root_correlation_id: "correlation_id",
  last_event_id: "cursor",
  "Last-Event-ID": "cursor",
  route_id: "route",
  to_route: "route",
  from_stage: "route",
  stage_name: "stage",
  adapter_name: "adapter",
  collection: "collection_name",
  prefix: "key",
  from_path: "path",
  tag_prefix: "tag",
  "Idempotency-Key": "idempotency_key",
  execution_id: "execution_name",
};

/** What the service has told of what it holds: ids, tags, keys and the like, by kind. */
export class Known {
  readonly #values = new Map<string, unknown[]>();

  add(kind: string, value: unknown): void {
    if (value === null || value === undefined || value === "") return;
    const values = this.#values.get(kind);
    if (values === undefined) this.#values.set(kind, [value]);
    else if (!values.includes(value)) {
      values.push(value);
      if (values.length > KEPT) values.splice(20, values.length - KEPT);
    }
  }

  /** A value of the kind that a field's name says; undefined where there is none yet. The newest come more often. */
  pick(random: Random, name: string): unknown {
    const values = this.#values.get(KINDS[name] ?? name) ?? this.#values.get(name);
    if (values === undefined || values.length === 0) return undefined;
    const from = random.chance(0.5) ? Math.max(0, values.length - 20) : 0;
    return values[random.between(from, values.length - 1)];
  }

  /** What is not there any more is not asked for again, or seldom. */
  forget(value: string): void {
    for (const values of this.#values.values()) {
      const at = values.indexOf(value);
      if (at >= 0) values.splice(at, 1);
    }
  }

  /** Takes out of an answer what requests can be made of. `owner` is what an `id` at its top, or in its list, is of. */
  harvest(answer: unknown, owner: string): void {
    if (Array.isArray(answer)) {
      for (const each of answer.slice(0, 20)) this.harvest(each, owner);
      return;
    }
    if (typeof answer !== "object" || answer === null) return;
    if ("webhook_id" in answer && "id" in answer) this.add("delivery", `${answer.webhook_id}/deliveries/${answer.id}`);
    for (const [name, value] of Object.entries(answer)) {
      if (typeof value === "object" && name !== "payload" && name !== "config_schema" && name !== "metadata")
        this.harvest(value, OWNERS[name] ?? owner);
      else if (name === "id") this.add(owner, value);
      else if (HARVESTED.has(name)) this.add(KINDS[name] ?? name, value);
      else if (name === "name" && owner === "collection_name") this.add("collection_name", value);
      else if (name === "sha256") this.add("etag", `"${value}"`);
      if (name === "id" && owner === "execution_id") this.add("execution_name", value);
      if (name === "tag") this.add("execution_name", value);
      if (name === "secret" && owner === "key_id") this.add("api_key", value);
    }
  }
}

const OWNERS: Readonly<Record<string, string>> = {
  executions: "execution_id",
  replays: "execution_id",
  execution: "execution_id",
  configs: "config_id",
  triggers: "trigger_id",
  webhooks: "webhook_id",
  deliveries: "delivery_id",
  firings: "firing_id",
  last_firing: "firing_id",
  collections: "collection_name",
  keys: "key_id",
};

const HARVESTED = new Set([
  "execution_id",
  "parent_execution_id",
  "config_id",
  "message_id",
  "correlation_id",
  "root_correlation_id",
  "tag",
  "key",
  "route",
  "route_id",
  "stage",
  "stage_name",
  "adapter",
  "adapter_name",
  "code",
  "type",
  "version",
  "cursor",
  "next_cursor",
  "config_hash",
  "ticket",
]);
