import assert from "node:assert/strict";
import { existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { AdapterRegistry } from "@millrace/engine";
import { builtinAdapters } from "./builtin.ts";
import { createAdapterRegistry, describeAdapter } from "./registry.ts";
import { TempFolder } from "./testing/temp-folder.ts";

const adapterOf = (type: string) => `export default { type: "${type}", description: "d", process() {} };`;

function registryOf(folder: TempFolder, adaptersDir: string | null = folder.path): Promise<AdapterRegistry> {
  return createAdapterRegistry({ adaptersDir, baseDir: folder.path });
}

describe("the adapters that are there", () => {
  test("are the built-in ones and those of the adapters folder, by type, in its order", async () => {
    using folder = new TempFolder();
    folder.write("b.ts", adapterOf("zebra"));
    folder.write("a.mjs", adapterOf("antelope"));
    const registry = await registryOf(folder);
    const types = registry.list().map((adapter) => adapter.type);
    assert.deepEqual(types, [...builtinAdapters.map((adapter) => adapter.type), "antelope", "zebra"].sort());
    assert.equal((await registry.resolve("zebra"))?.type, "zebra");
    assert.equal(await registry.resolve("none"), undefined);
    for (const type of ["", "constructor", "__proto__"]) assert.equal(await registry.resolve(type), undefined, type);
  });

  test("do not include what stands beside adapters: tests, types, other files, sub-folders, what editors leave", async () => {
    using folder = new TempFolder();
    const beside = [
      "a.test.ts",
      "a.test.js",
      "a.spec.mjs",
      "a.d.ts",
      "a.d.mts",
      "README.md",
      "a.json",
      ".a.ts",
      "lib/b.ts",
      "dir.ts/b.ts",
    ];
    for (const name of beside) folder.write(name, "throw 1;");
    folder.link(".#a.ts", "user@host.123");
    assert.equal((await registryOf(folder)).list().length, builtinAdapters.length);
  });

  test("are the built-in ones alone where there is no adapters folder, or an empty one", async () => {
    using folder = new TempFolder();
    for (const dir of [null, folder.path])
      assert.equal((await registryOf(folder, dir)).list().length, builtinAdapters.length);
  });

  test("are shown with what their config takes", async () => {
    const delay = builtinAdapters.find((adapter) => adapter.type === "delay");
    assert.ok(delay !== undefined);
    const { type, category, config_schema: schema } = describeAdapter(delay);
    assert.deepEqual([type, category], ["delay", "flow"]);
    assert.partialDeepStrictEqual(schema, { type: "object", required: ["seconds"], additionalProperties: false });
  });

  test("each say what they do, and describe every field of their config", () => {
    for (const adapter of builtinAdapters) {
      assert.match(adapter.description, /^[A-Z].*\.$/, adapter.type);
      const { properties } = describeAdapter(adapter).config_schema;
      for (const [name, field] of Object.entries(properties ?? {}))
        assert.ok(Object.hasOwn(Object(field), "description"), `${adapter.type}.${name}`);
    }
  });
});

describe("a type that is a path", () => {
  test("is the adapter of that file, relative to the base folder", async () => {
    using folder = new TempFolder();
    const file = folder.write("mine/a.ts", adapterOf("mine"));
    const registry = await registryOf(folder, null);
    for (const path of ["./mine/a.ts", "mine/a.ts", file, "./mine/../mine/a.ts"])
      assert.equal((await registry.resolve(path))?.type, "mine", path);
    assert.equal(registry.list().length, builtinAdapters.length, "it is in no list");
  });

  test("is refused where it leaves the base folder, or leads nowhere", async () => {
    using folder = new TempFolder();
    folder.write("a.ts", adapterOf("a"));
    const base = folder.folder("base");
    const registry = await createAdapterRegistry({ adaptersDir: null, baseDir: base });
    await assert.rejects(registry.resolve("../a.ts"), { code: "ADAPTER_INVALID", message: /does not lie in/ });
    await assert.rejects(registry.resolve("/etc/passwd"), { code: "ADAPTER_INVALID", message: /does not lie in/ });
    await assert.rejects(registry.resolve("./none.ts"), { code: "ADAPTER_INVALID", message: /no such file/ });
  });
});

describe("a type that is a path, where whoever writes pipelines is not who runs the service", () => {
  test("is a file of the adapters folder, and nothing of any other is run, nor whether it is there told", async () => {
    using folder = new TempFolder();
    const granted = folder.write("granted/sub/a.ts", adapterOf("granted"));
    const ran = join(folder.path, "ran");
    const write = `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(ran)}, "");`;
    const written = folder.write("data/objects/x.js", `${write}\n${adapterOf("written")}`);
    const options = { baseDir: folder.path, restricted: true };
    const registry = await createAdapterRegistry({ ...options, adaptersDir: join(folder.path, "granted/sub") });
    assert.equal((await registry.resolve("./granted/sub/a.ts"))?.type, "granted");
    assert.equal((await registry.resolve(granted))?.type, "granted");
    const alone = { code: "ADAPTER_INVALID", message: /name files of the folder in adapters_dir alone/ };
    for (const path of ["./data/objects/x.js", "./none.js", "/etc/passwd", "./granted/sub/../../data/objects/x.js"])
      await assert.rejects(registry.resolve(path), alone, path);
    const none = await createAdapterRegistry({ ...options, adaptersDir: null });
    for (const path of ["./data/objects/x.js", "./none.js", granted]) await assert.rejects(none.resolve(path), alone);
    symlinkSync(written, join(folder.path, "granted/sub/link.js"));
    await assert.rejects(registry.resolve("./granted/sub/link.js"), { message: /does not lie in/ });
    assert.ok(!existsSync(ran), "what it holds was not run");
  });
});

describe("an adapters folder is refused", () => {
  test("when it is not there, or no folder: create it, or name another", async () => {
    using folder = new TempFolder();
    for (const dir of [join(folder.path, "none"), folder.write("file", "")]) {
      await assert.rejects(registryOf(folder, dir), (error: Error) => {
        assert.ok(error.message.startsWith(`The adapters folder ${dir} cannot be read: `), error.message);
        assert.match(error.message, /Create it, or name another/);
        return true;
      });
    }
  });

  test("when a file of it holds no adapter, and names that file", async () => {
    using folder = new TempFolder();
    folder.write("a.ts", adapterOf("a"));
    const helper = folder.write("helper.ts", "export const help = 1;");
    await assert.rejects(registryOf(folder), (error: Error) =>
      error.message.includes(`${helper} cannot be used: it has no`),
    );
  });

  test("when a type is taken, by a built-in adapter or another file, which is named", async () => {
    using first = new TempFolder();
    const log = first.write("log.ts", adapterOf("log"));
    const advice = "Give it another.";
    const builtin = `The adapter file ${log} cannot be used: its type "log" is that of a built-in adapter. ${advice}`;
    await assert.rejects(registryOf(first), { code: "ADAPTER_INVALID", message: builtin });
    using second = new TempFolder();
    const a = second.write("a.ts", adapterOf("same"));
    const b = second.write("b.ts", adapterOf("same"));
    const message = `The adapter file ${b} cannot be used: its type "same" is that of ${a}. ${advice}`;
    await assert.rejects(registryOf(second), { code: "ADAPTER_INVALID", message });
  });
});
