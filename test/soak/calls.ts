import { setTimeout as wait } from "node:timers/promises";
import type { Soaked } from "./soaked.ts";

const DOCUMENTS = `version: "1.0"
name: soaked documents
routes:
  make: { adapters: [{ type: generate, config: { count: 20, payload: { text: "a wheel turns when water falls on it" } } }], outbound: [keep] }
  keep: { adapters: [{ type: index, config: { collection: soaked, id: "\${index}" } }] }
init_message: { route: make }
`;

/** What people and programs ask of a service beside its streams, so many times a second, for as long as it goes on. */
export async function callAfterCall(soaked: Soaked, perSecond: number): Promise<void> {
  await soaked.call("index documents", async () => {
    const { client } = soaked.service;
    const config = await client.configs.create({ name: "soaked documents", config_yaml: DOCUMENTS });
    const { id } = await client.configs.run(config.id);
    await client.executions.wait(id, 300);
  });
  while (!soaked.stopping) {
    await soaked.pick(ASKED)(soaked);
    await wait((soaked.random.next() * 2000) / perSecond);
  }
}

type Ask = (soaked: Soaked) => Promise<unknown>;

/** A yaml of some size, with findings: what an editor sends while somebody writes. */
const edited = (soaked: Soaked) =>
  `version: "1.0"\nroutes:\n${Array.from({ length: soaked.random.between(1, 300) }, (_, nth) => `  route-${nth}: { adapters: [{ type: lgo }] }\n`).join("")}`;

const ofARun =
  (what: string, ask: (soaked: Soaked, id: string) => Promise<unknown>): Ask =>
  async (soaked) => {
    const { executions } = await soaked.service.client.executions.list({ limit: 20 }).catch(() => ({ executions: [] }));
    const [first] = executions;
    if (first === undefined) return;
    const { id } = soaked.pick(executions);
    // One that was deleted since is no failure.
    await soaked.call(what, () =>
      ask(soaked, id).catch((error: unknown) => {
        if (!(error instanceof Error && "status" in error && error.status === 404)) throw error;
      }),
    );
  };

const ASKED: readonly Ask[] = [
  (soaked) => soaked.call("list runs", () => soaked.service.client.executions.list({ limit: 50 })),
  (soaked) => soaked.call("list configs", () => soaked.service.client.configs.list()),
  (soaked) => soaked.call("list triggers", () => soaked.service.client.triggers.list()),
  (soaked) => soaked.call("list objects", () => soaked.service.client.storage.list({ limit: 100 })),
  (soaked) => soaked.call("validate", () => soaked.service.client.configs.validate(edited(soaked))),
  (soaked) => soaked.call("search", () => soaked.service.client.search.find({ collection: "soaked", q: "wheel" })),
  (soaked) => soaked.call("system", () => soaked.service.client.system.info()),
  (soaked) =>
    soaked.call("dashboard", async () => {
      const answer = await fetch(soaked.service.url);
      await answer.arrayBuffer();
      if (answer.status >= 500) throw new Error(`HTTP ${answer.status}`);
    }),
  ofARun("a run", (soaked, id) => soaked.service.client.executions.get(id)),
  ofARun("stats", (soaked, id) => soaked.service.client.executions.stats(id)),
  ofARun("dag", (soaked, id) => soaked.service.client.executions.dag(id)),
  ofARun("failures", (soaked, id) => soaked.service.client.executions.failures(id)),
  ofARun("failure groups", (soaked, id) => soaked.service.client.executions.failureGroups(id)),
  ofARun("objects", (soaked, id) => soaked.service.client.storage.list({ execution_id: id })),
  ofARun("lineage", (soaked, id) => soaked.service.client.lineage.list({ execution_id: id, limit: 100 })),
];
