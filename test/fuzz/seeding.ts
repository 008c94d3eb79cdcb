import { setTimeout as wait } from "node:timers/promises";
import type { Client } from "@millrace/client";
import { createClient } from "@millrace/client";
import { Receiver } from "../triggers/receiver.ts";
import type { Known } from "./known.ts";
import { PIPELINES } from "./pipelines.ts";

/** Where a campaign's service is, and how it is asked. */
export interface Target {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Bodies that some operations take: what goes with what is said in words, and no schema tells. */
const BODIES: Readonly<Record<string, readonly unknown[]>> = {
  postExecutionsExecutionIdReplay: [
    { replay_source: "lineage", from_stage: "make", to_route: "make" },
    { replay_source: "lineage", from_stage: "end", to_route: "end", message_status: ["completed"], limit: 2 },
    { replay_source: "storage", from_stage: "parts", to_route: "keep" },
    { replay_source: "manual", to_route: "end", payloads: [{ a: 1 }, { index: 2 }] },
  ],
  postExecutionsExecutionIdFailuresRetry: [
    { all: true, again: true },
    { route: "work" },
    { all: true, payload_merge: { a: 1 } },
  ],
  postSearch: [
    { collection: "mill", q: "wheel" },
    { collection: "mill", vector: [1, 0, 0] },
  ],
};

/**
 * Keeps a service full of what requests can be made about: configs, runs that are over and runs that are not, triggers,
 * webhooks, documents. What the campaign deletes is made anew.
 */
export class Seeding implements AsyncDisposable {
  readonly #client: Client;
  readonly #known: Known;
  readonly #receiver: Receiver;
  #made = 0;

  private constructor(client: Client, known: Known, receiver: Receiver) {
    this.#client = client;
    this.#known = known;
    this.#receiver = receiver;
  }

  static async start({ url, headers }: Target, known: Known, folder: string): Promise<Seeding> {
    const receiver = await Receiver.start();
    const seeding = new Seeding(createClient({ baseUrl: url, headers }), known, receiver);
    const fixed: Readonly<Record<string, readonly unknown[]>> = {
      config_yaml: PIPELINES,
      idempotency_key: Array.from({ length: 200 }, (_, nth) => `key-${nth}`),
      tag: Array.from({ length: 60 }, (_, nth) => `run-${nth}`),
      expression: [
        "* * * * *",
        "0 3 * * 1-5",
        "@daily",
        "*/5 0-6 1,15 JAN-MAR ?",
        "0 0 31 2 *",
        "60 * * * *",
        "@never",
      ],
      time_zone: ["UTC", "Europe/Berlin", "America/St_Johns", "Nowhere/Land"],
      url: [receiver.url, receiver.url, receiver.url, "http://127.0.0.1:9/", "http://[::1]:9/", "http://10.255.255.1/"],
      path: [folder, "part", "part/*.json", "**"],
      glob: ["*", "**/*.txt", "[a-z]*", "?"],
      route: ["make", "end", "work", "keep"],
      stage: ["parts", "keep/parts"],
      from_path: ["part/"],
      extension: ["json", ".json"],
      q: ["wheel", "water wheel", '"turns when"', "fall*"],
      filter: ["year>=1800", "tags:a", "text=x", "year!=1820"],
      collection_name: ["mill"],
      key: ["executions/"],
      type: ["generate", "delay", "log"],
      // The secret of a URL alone opens it, and the key of a webhook has its own form: these are for fields of bodies.
      header: ["Bearer t0ken", ""],
    };
    for (const [kind, values] of Object.entries(fixed)) for (const value of values) known.add(kind, value);
    for (const [operation, bodies] of Object.entries(BODIES)) {
      for (const body of bodies) known.add(`body of ${operation}`, body);
    }
    await seeding.refill();
    return seeding;
  }

  /** Makes one of each anew, and ends runs that are in the way of others. */
  async refill(): Promise<void> {
    const { configs, executions, triggers, webhooks } = this.#client;
    const running = await executions.list({ status: ["running"], limit: 200, sort_order: "asc" });
    for (const { id } of running.executions.slice(0, Math.max(0, running.total - 12))) {
      await executions.cancel(id).catch(() => undefined);
    }
    for (const yaml of PIPELINES.slice(0, 5)) {
      const config = await configs.create({ config_yaml: yaml });
      this.#known.add("config_id", config.id);
      this.#made += 1;
      const execution = await configs.run(config.id, { tag: `seed-${process.pid}-${this.#made}` });
      this.#known.harvest(execution, "execution_id");
      this.#known.add("execution_name", execution.id);
      if (!yaml.includes("slow")) await executions.wait(execution.id, 5);
      const { objects } = await this.#client.storage.list({ execution_id: execution.id });
      this.#known.harvest(objects, "");
      const lineage = await this.#client.lineage.list({ execution_id: execution.id, limit: 5 }).catch(() => null);
      this.#known.harvest(lineage, "");
      if (yaml.includes("drops")) await this.#trigger(config.id);
    }
    this.#known.add("collection_name", "mill");
    const hook = await webhooks.create({ url: this.#receiver.url });
    this.#known.add("webhook_id", hook.id);
    const test = await webhooks.test(hook.id);
    this.#known.harvest(test, "delivery_id");
    this.#receiver.received.length = 0;
    // Too many of them, and each run is told to hundreds.
    for (const { id } of (await webhooks.list({ limit: 100 })).webhooks.slice(8))
      await webhooks.delete(id).catch(() => undefined);
    for (const { id } of (await triggers.list({ limit: 200 })).triggers.slice(40))
      await triggers.delete(id).catch(() => undefined);
    await wait(50);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver[Symbol.asyncDispose]();
  }

  /** Of each outcome: one that starts a run, one whose run waits for the one before, one that is disabled. */
  async #trigger(configId: string): Promise<void> {
    for (const more of [{}, { max_running: 1, when_running: "queue" }, { enabled: false }] as const) {
      const trigger = await this.#client.triggers.create({ config_id: configId, kind: "call", ...more });
      this.#known.add("trigger_id", trigger.id);
      this.#known.add("call", `${trigger.id}/${trigger.secret}`);
    }
  }
}
