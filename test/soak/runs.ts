import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { ApiError, isTerminal } from "@millrace/client";
import { checkObjects, checkRun } from "../faults/check-round.ts";
import { shapes } from "../faults/shapes.ts";
import type { Soaked } from "./soaked.ts";
import { compareWatches, watchRun } from "./watch.ts";

/** A run may take so long, in seconds, on a machine that is busy with other things. */
const PATIENCE_S = 1800;

/** One run after the other, of every shape, each watched, compared with what must be, and followed up. */
export async function runAfterRun(soaked: Soaked): Promise<void> {
  while (!soaked.stopping) {
    await oneRun(soaked);
    await wait(soaked.random.between(100, 1500));
  }
}

async function oneRun(soaked: Soaked): Promise<void> {
  const { service, random } = soaked;
  const { client } = service;
  const shape = soaked.pick(shapes(random));
  const config = await soaked.call("create a config", () =>
    client.configs.create({ name: shape.name, config_yaml: shape.yaml }),
  );
  if (config === undefined) return;
  const started = await soaked.call("start a run", () => client.configs.run(config.id));
  if (started === undefined) return;
  const { id } = started;
  soaked.open.add(id);
  soaked.count(`runs: ${shape.name}`);
  soaked.count("runs");
  try {
    const watches = watchRun(soaked, id);
    if (shape.status === "cancelled") {
      await wait(random.between(500, 4000));
      await untilCancelled(soaked, id);
    }
    const { completed } = await client.executions.wait(id, PATIENCE_S);
    assert.ok(completed, `it is still running after ${PATIENCE_S} s`);
    soaked.open.delete(id);
    const run = { shape, id, path: `/api/v1/executions/${id}/events` };
    const journal = await checkRun(service, run);
    if (shape.objects !== undefined) await checkObjects(service, run);
    const ids = journal.map((event) => event.id);
    soaked.count("events", ids.length);
    soaked.count("events compared", await compareWatches(watches, ids));
    await followUp(soaked, id);
    await soaked.call("delete a config", () => client.configs.delete(config.id));
  } catch (error) {
    soaked.fail(`run ${id} ("${shape.name}")`, error);
  }
}

/** The node that has it may be gone at that moment. */
async function untilCancelled(soaked: Soaked, id: string): Promise<void> {
  const { executions } = soaked.service.client;
  while (true) {
    await soaked.call("cancel a run", () =>
      executions.cancel(id).catch((error) => {
        // It has come to its end by itself meanwhile.
        if (error instanceof ApiError && error.status === 409) return null;
        throw error;
      }),
    );
    const found = await soaked.call("look at a run", () => executions.get(id));
    if (found !== undefined && isTerminal(found.status)) return;
    await wait(500);
  }
}

/** Replays it, takes up what failed, or removes it, as people do with what is over. */
async function followUp(soaked: Soaked, id: string): Promise<void> {
  const { executions } = soaked.service.client;
  const { total, failures } = await executions.failures(id, { limit: 5 });
  if (total > 0 && soaked.random.chance(0.5)) {
    const retried = await soaked.call("retry failures", () =>
      executions.retry(id, { message_ids: failures.map(({ message_id }) => message_id), again: true }),
    );
    if (retried?.started && retried.execution !== null) await settled(soaked, retried.execution.id);
  }
  if (soaked.random.chance(0.3)) {
    const replayed = await soaked.call("replay a run", () =>
      executions.replay(id, { replay_source: "lineage", from_stage: "make", to_route: "make" }),
    );
    if (replayed !== undefined) {
      await settled(soaked, replayed.id);
    }
  }
  if (soaked.random.chance(0.2)) await soaked.call("delete a run", () => executions.delete(id));
}

async function settled(soaked: Soaked, id: string): Promise<void> {
  const { executions } = soaked.service.client;
  soaked.count("replays and retries");
  soaked.open.add(id);
  const { completed } = await executions.wait(id, 5);
  if (!completed) await untilCancelled(soaked, id);
  soaked.open.delete(id);
}
