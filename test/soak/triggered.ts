import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createClient } from "@millrace/client";
import { eventually } from "../support/eventually.ts";
import { drops } from "../support/pipelines.ts";
import { Receiver } from "../triggers/receiver.ts";
import type { Soaked } from "./soaked.ts";

/** Runs that start by the clock, by files and by calls; and a webhook that is told how each of them ends. */
export class Triggered implements AsyncDisposable {
  readonly #soaked: Soaked;
  readonly #receiver: Receiver;
  readonly #folder = mkdtempSync(join(tmpdir(), "millrace-soak-"));
  readonly #told = new Set<string>();
  readonly #called = new Set<string>();
  #files = 0;
  #call: { readonly id: string; readonly secret: string } | null = null;
  #byFolder = "";
  #hook = "";

  private constructor(soaked: Soaked, receiver: Receiver) {
    this.#soaked = soaked;
    this.#receiver = receiver;
  }

  static async start(soaked: Soaked): Promise<Triggered> {
    const triggered = new Triggered(soaked, await Receiver.start());
    const { configs, triggers, webhooks } = soaked.service.client;
    const { id } = await configs.create({ name: "soaked, by triggers", config_yaml: drops(3) });
    await triggers.create({ config_id: id, kind: "cron", cron: { expression: "* * * * *" } });
    const folder = await triggers.create({
      config_id: id,
      kind: "folder",
      folder: { path: triggered.#folder, glob: "*.txt", settle_seconds: 0 },
    });
    const call = await triggers.create({ config_id: id, kind: "call" });
    assert.ok(call.secret !== null);
    triggered.#call = { id: call.id, secret: call.secret };
    triggered.#byFolder = folder.id;
    triggered.#hook = (await webhooks.create({ url: triggered.#receiver.url, config_ids: [id] })).id;
    return triggered;
  }

  /** Calls, and puts files there, until it is to stop. */
  async go(): Promise<void> {
    const { random, service } = this.#soaked;
    let calls = 0;
    while (!this.#soaked.stopping) {
      const call = this.#call;
      if (call !== null) {
        const key = `call-${calls}`;
        calls += 1;
        // Called twice with one key, as by somebody who has not heard the first answer: it is one run.
        const { triggers } = createClient({ baseUrl: service.url, headers: { "idempotency-key": key } });
        const one = () => triggers.call(call.id, call.secret);
        const firing = await this.#soaked.call("call a trigger", one);
        const again = random.chance(0.3) ? await this.#soaked.call("call a trigger again", one) : firing;
        if (firing !== undefined && again !== undefined) {
          if (firing.id !== again.id) this.#soaked.fail("call", new Error("one key made two firings"));
          if (firing.execution_id !== null) this.#called.add(firing.execution_id);
        }
      }
      if (random.chance(0.5)) {
        const path = join(this.#folder, `${this.#files}`);
        writeFileSync(path, "there");
        renameSync(path, `${path}.txt`);
        this.#files += 1;
        this.#soaked.count("files put there");
      }
      if (random.chance(0.05)) this.#receiver.next.push(random.chance(0.5) ? 500 : "cut");
      this.#collect();
      await wait(random.between(300, 3000));
    }
  }

  /** That every file and call made one run, and the webhook was told of each. */
  async check(): Promise<void> {
    const { triggers, webhooks } = this.#soaked.service.client;
    await eventually(async () => {
      const files = await triggers.firings(this.#byFolder, { limit: 1 });
      assert.equal(files.total, this.#files, "firings by files, each once");
    });
    await eventually(async () => {
      const pending = await webhooks.deliveries(this.#hook, { state: "pending" });
      assert.equal(pending.total, 0, "deliveries that are still to be made");
    });
    this.#collect();
    const untold = [...this.#called].filter((id) => !this.#told.has(id));
    assert.deepEqual(untold, [], "runs by call of whose end the webhook was not told");
    this.#soaked.count("runs by call, told of by webhook", this.#called.size);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Keeps what counts of what came in, and forgets the rest. */
  #collect(): void {
    for (const { body } of this.#receiver.received.splice(0)) {
      this.#told.add(body.data.id);
      this.#soaked.count("webhooks received");
    }
  }
}
