import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigRecord } from "@millrace/engine";
import { newId, type StoreFactory, start } from "./store-under-test.ts";

const ALL = { limit: 100, offset: 0 };

/** What `Records` promises of configs. Part of its suite. */
export function configConformance(name: string, open: StoreFactory): void {
  test(`${name}: a config of one project is not there for another, nor the file that it was loaded from`, async () => {
    await using store = await open();
    const file = { sourceType: "file", sourcePath: "a.yaml" } as const;
    const one = newConfig({ project: "one", ...file });
    const two = newConfig({ project: "two", ...file });
    await store.records.putConfig(one, { soleOfPath: true });
    await store.records.putConfig(two, { soleOfPath: true });
    const view = store.records.inProject("one");
    assert.deepEqual(await view.getConfig(one.id), one);
    assert.equal(await view.getConfig(two.id), null);
    assert.deepEqual(await view.listConfigs(ALL), { total: 1, items: [one] });
    assert.deepEqual(await view.listConfigVersions(two.id, ALL), { total: 0, items: [] });
    assert.equal((await view.listConfigVersions(one.id, ALL)).total, 1);
    assert.equal(await view.deleteConfig(two.id), false);
    assert.deepEqual(await store.records.getConfigBySourcePath("two", "a.yaml"), two);
    assert.equal(await store.records.getConfigBySourcePath("default", "a.yaml"), null);
    assert.equal((await store.records.listConfigs(ALL)).total, 2);
  });

  test(`${name}: a config comes back as it was stored, also after a restart`, async () => {
    await using store = await open();
    const config = newConfig({ description: "ü", sourceType: "imported", sourcePath: "a/b.yaml", isActive: false });
    await store.records.putConfig(config);
    assert.deepEqual(await store.records.getConfig(config.id), config);
    await store.reopen();
    assert.deepEqual(await store.records.getConfig(config.id), config);
    assert.equal(await store.records.getConfig("nobody"), null);
  });

  test(`${name}: a config's newest version is shown, and the older ones are kept, newest first`, async () => {
    await using store = await open();
    const first = newConfig({ createdAt: "2026-01-01T00:00:00.000Z" });
    const versions = [1, 2, 3].map((version) => ({
      ...first,
      name: `name ${version}`,
      version,
      configYaml: `yaml ${version}`,
      configHash: `hash ${version}`,
      updatedAt: `2026-01-0${version}T00:00:00.000Z`,
    }));
    for (const version of versions) await store.records.putConfig(version);
    assert.deepEqual(await store.records.getConfig(first.id), versions[2]);
    assert.equal((await store.records.listConfigs(ALL)).total, 1);
    const { total, items } = await store.records.listConfigVersions(first.id, { limit: 2, offset: 0 });
    assert.equal(total, 3);
    assert.deepEqual(
      items,
      versions
        .slice(1)
        .reverse()
        .map(({ version, configHash, configYaml, updatedAt }) => ({
          version,
          configHash,
          configYaml,
          createdAt: updatedAt,
        })),
    );
    const last = await store.records.listConfigVersions(first.id, { limit: 2, offset: 2 });
    assert.deepEqual(
      last.items.map(({ version }) => version),
      [1],
    );
    assert.deepEqual(await store.records.listConfigVersions("nobody", ALL), { total: 0, items: [] });
  });

  test(`${name}: configs are listed in the order of their creation, page by page, whatever changes of them`, async () => {
    await using store = await open();
    const configs = Array.from({ length: 5 }, () => newConfig());
    for (const config of configs) await store.records.putConfig(config);
    const [first] = configs;
    assert.ok(first !== undefined);
    await store.records.putConfig({ ...first, version: 2 });
    const seen: string[] = [];
    for (const offset of [0, 2, 4]) {
      const { total, items } = await store.records.listConfigs({ limit: 2, offset });
      assert.equal(total, 5);
      seen.push(...items.map(({ id }) => id));
    }
    assert.deepEqual(
      seen,
      configs.map(({ id }) => id),
    );
  });

  test(`${name}: a config that was loaded from a file is found by its path; one that only tells of a path is not`, async () => {
    await using store = await open();
    const loaded = newConfig({ sourceType: "file", sourcePath: "pipelines/a.yaml" });
    await store.records.putConfig(newConfig({ sourceType: "api", sourcePath: "pipelines/a.yaml" }));
    await store.records.putConfig(loaded);
    assert.deepEqual(await store.records.getConfigBySourcePath("default", "pipelines/a.yaml"), loaded);
    assert.equal(await store.records.getConfigBySourcePath("default", "pipelines/b.yaml"), null);
  });

  test(`${name}: of two that store the same version, or load the same file, one does, and the other is told`, async () => {
    await using store = await open();
    const config = newConfig({ sourceType: "file", sourcePath: "pipelines/a.yaml" });
    const again = { ...config, id: newId("config") };
    const loads = [config, again].map((each) => store.records.putConfig(each, { soleOfPath: true }));
    const loaded = await Promise.allSettled(loads);
    assert.deepEqual(loaded.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    const [there] = (await store.records.listConfigs(ALL)).items;
    assert.ok(there !== undefined);
    const other = there.id === config.id ? again : config;
    await assert.rejects(store.records.putConfig(other, { soleOfPath: true }), { code: "CONFIG_CHANGED" });
    const versions = ["one", "two"].map((configYaml) => store.records.putConfig({ ...there, version: 2, configYaml }));
    const stored = await Promise.allSettled(versions);
    assert.deepEqual(stored.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    await assert.rejects(store.records.putConfig({ ...there, version: 2 }), { code: "CONFIG_CHANGED" });
    const winner = stored[0]?.status === "fulfilled" ? "one" : "two";
    assert.equal((await store.records.getConfig(there.id))?.configYaml, winner);
    assert.equal((await store.records.listConfigVersions(there.id, ALL)).total, 2);
    await store.records.putConfig(other);
    assert.equal((await store.records.listConfigs(ALL)).total, 2, "who does not ask for it may have another");
    assert.equal((await store.records.getConfigBySourcePath("default", "pipelines/a.yaml"))?.id, there.id);
  });

  test(`${name}: a deleted config is gone with its versions, and its executions stay`, async () => {
    await using store = await open();
    const config = newConfig();
    await store.records.putConfig(config);
    const execution = await start(store, { configId: config.id });
    assert.equal(await store.records.deleteConfig(config.id), true);
    assert.equal(await store.records.deleteConfig(config.id), false);
    assert.equal(await store.records.getConfig(config.id), null);
    assert.deepEqual(await store.records.listConfigVersions(config.id, ALL), { total: 0, items: [] });
    assert.equal((await store.records.getExecution(execution))?.configId, config.id);
  });
}

function newConfig(fields: Partial<ConfigRecord> = {}): ConfigRecord {
  const at = "2026-03-01T12:00:00.000Z";
  return {
    id: newId("config"),
    project: "default",
    name: "a config",
    description: null,
    sourceType: "api",
    sourcePath: null,
    configYaml: "version: '1.0'",
    configHash: "hash",
    version: 1,
    createdAt: at,
    updatedAt: at,
    isActive: true,
    ...fields,
  };
}
