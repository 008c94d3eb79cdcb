import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createAdapterRegistry } from "@millrace/adapters";
import { loadDefinition } from "@millrace/engine";
import { viewOf } from "../../packages/server/src/access/project-of.ts";
import { Configs } from "../../packages/server/src/configs.ts";
import { openNode } from "../../packages/stores/src/postgres/temporary-store.ts";
import { overPostgres, temporaryDatabase } from "../../packages/stores/src/support/postgres.ts";
import { QUICK } from "../cli/pipelines.ts";
import { Folder } from "../support/command.ts";

const adapters = await createAdapterRegistry({ adaptersDir: null, baseDir: process.cwd() });

const PAGE = { limit: 100, offset: 0 };

await overPostgres(() => {
  test("nodes that load the same folder at once make one config of each file, and one version of each change", async () => {
    await using database = await temporaryDatabase();
    using folder = new Folder();
    const nodes = [await openNode(database.url), await openNode(database.url), await openNode(database.url)];
    const load = () => Promise.all(nodes.map(({ records }) => configsOver(records).loadFolder(folder.path)));
    const names = Array.from({ length: 10 }, (_, index) => `${index}.yaml`);
    const texts = [QUICK, `${QUICK}\n# changed\n`, `${QUICK}\n# changed again\n`];
    for (const [round, text] of texts.entries()) {
      for (const name of names) folder.write(name, text);
      const answers = await load();
      for (const { loaded, problems } of answers) {
        assert.deepEqual(problems, []);
        assert.deepEqual(
          loaded.map(({ id, version }) => [id, version]),
          answers[0]?.loaded.map(({ id }) => [id, round + 1]),
        );
      }
      assert.equal((await nodes[0]?.records.listConfigs(PAGE))?.total, names.length);
    }
    for (const node of nodes) await node.close();
  });

  test("changes that nodes make to one config at once are all made, one on the other", async () => {
    await using database = await temporaryDatabase();
    const nodes = [await openNode(database.url), await openNode(database.url)];
    const [one] = nodes.map(({ records }) => configsOver(records));
    const config = await one?.create(VIEW, { config_yaml: QUICK, source_type: "api" });
    const id = config?.id ?? "";
    await Promise.all([
      ...nodes.map(({ records }) => configsOver(records).update(VIEW, id, { description: "told" })),
      ...nodes.map(({ records }) => configsOver(records).update(VIEW, id, { name: "named" })),
    ]);
    const stored = await nodes[0]?.records.getConfig(id);
    assert.deepEqual([stored?.description, stored?.name, stored?.version], ["told", "named", 5]);
    for (const node of nodes) await node.close();
  });
});

const VIEW = viewOf("default");

function configsOver(records: Awaited<ReturnType<typeof openNode>>["records"]): Configs {
  return new Configs({
    records,
    clock: { now: Date.now },
    ids: { uuid: randomUUID },
    loadDefinition: (yaml) => loadDefinition(yaml, { adapters, env: {} }),
  });
}
