import assert from "node:assert/strict";
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { AnyAdapter } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { failure, problems, runOne } from "./testing/run-adapter.ts";
import { TempFolder } from "./testing/temp-folder.ts";
import { loadUserAdapter, locateAdapterFile } from "./user-adapter.ts";

const SHOUT = `
import { AdapterError, defineAdapter, z } from "millrace";
export default defineAdapter({
  type: "shout",
  description: "Puts text in capitals.",
  config: z.strictObject({ marks: z.int().default(1) }),
  process({ payload }, { config }) {
    if (payload.text === undefined) throw new AdapterError("TEXT_MISSING", "No text.", { retryable: false });
    return { text: String(payload.text).toUpperCase() + "!".repeat(config.marks) };
  },
});
`;

async function load(name: string, content: string | Uint8Array): Promise<AnyAdapter> {
  using folder = new TempFolder();
  return await loadUserAdapter(folder.write(name, content));
}

/** What its author is told of a file that cannot be used, without the part that all have; FILE for its path. */
async function refusal(name: string, content: string): Promise<string> {
  using folder = new TempFolder();
  return await refusalOf(folder.write(name, content));
}

async function refusalOf(file: string, baseDir?: string): Promise<string> {
  try {
    await loadUserAdapter(baseDir === undefined ? file : locateAdapterFile(file, baseDir));
  } catch (error) {
    assert.ok(error instanceof MillraceError, String(error));
    assert.equal(error.code, "ADAPTER_INVALID");
    assert.doesNotMatch(error.message, /\n|\bat .*:\d+:\d+/, "no stack");
    const [, named, why] = /^The adapter file (.+?) cannot be used: (.+?)\.?$/.exec(error.message) ?? [];
    assert.equal(named, file);
    return (why ?? "").replaceAll(file, "FILE");
  }
  throw new Error("it can be used");
}

describe("an adapter of one's own", () => {
  for (const name of ["shout.ts", "shout.mts", "shout.js", "shout.mjs", "a b é#%?.ts"]) {
    test(`is loaded from ${name}, wherever it lies, and works as a built-in one does`, async () => {
      const adapter = await load(name, SHOUT);
      assert.deepEqual([adapter.type, adapter.category], ["shout", "user"]);
      assert.deepEqual(await runOne(adapter, {}, { text: "hey" }), { text: "HEY!" });
      assert.deepEqual(await failure(adapter, {}), { code: "TEXT_MISSING", message: "No text." });
      assert.equal(problems(adapter, { marks: "many" }).length, 1);
    });
  }

  test("is refused when it does not finish loading, instead of waited for", async () => {
    using folder = new TempFolder();
    const file = folder.write("stuck.js", `await new Promise(() => {});\n${SHOUT}`);
    await assert.rejects(loadUserAdapter(file, 100), /it has not loaded after 0\.1 s.*top level/);
  });

  test("may use types, import a file beside it and begin with a byte order mark", async () => {
    using folder = new TempFolder();
    folder.write("loud.ts", "export const loud = (text: string): string => text.toUpperCase();");
    const file = folder.write(
      "typed.ts",
      `\uFEFFimport { loud } from "./loud.ts";
       import { defineAdapter, type JsonObject } from "millrace";
       interface Payload extends JsonObject { text: string }
       export default defineAdapter({ type: "typed", description: "t",
         process: ({ payload }) => ({ text: loud((payload as Payload).text) }) });`,
    );
    assert.deepEqual(await runOne(await loadUserAdapter(file), {}, { text: "é" }), { text: "É" });
  });

  test("may be a CommonJS file, and a plain or frozen object, or one of a class", async () => {
    const common = `const { defineAdapter } = require("millrace");
      module.exports = defineAdapter({ type: "common", description: "c", process: () => ({ from: "common" }) });`;
    assert.deepEqual(await runOne(await load("common.js", common), {}), { from: "common" });
    const frozen =
      'export default Object.freeze({ type: "frozen", description: "f", process: () => ({ from: "ice" }) });';
    assert.deepEqual(await runOne(await load("frozen.ts", frozen), {}), { from: "ice" });
    const classy = `class Counter { #count = 0; type = "classy"; description = "c"; process() { return { n: ++this.#count }; } }
      export default new Counter();`;
    assert.deepEqual(await runOne(await load("classy.ts", classy), {}), { n: 1 });
  });

  test("takes no config where it declares none", async () => {
    const adapter = await load("plain.ts", 'export default { type: "plain", description: "p", process() {} };');
    assert.equal(problems(adapter, {}).length, 0);
    assert.equal(problems(adapter, { any: 1 }).length, 1);
  });

  test("has the service's zod and millrace, not copies that lie beside it; what is installed keeps its own", async () => {
    using folder = new TempFolder();
    const install = (name: string, main: string) => {
      folder.write(
        `node_modules/${name}/package.json`,
        JSON.stringify({ name, version: "1.0.0", type: "module", main: "m.js" }),
      );
      folder.write(`node_modules/${name}/m.js`, main);
    };
    install("zod", 'export const z = "the copy";');
    install("millrace", 'export const defineAdapter = () => "the copy";');
    install("dependency", 'import { z } from "zod"; export const seen = z;');
    const file = folder.write(
      "a.ts",
      `import { defineAdapter } from "millrace"; import { z } from "zod"; import { seen } from "dependency";
       export default defineAdapter({ type: "own", description: "o", config: z.strictObject({}), process: () => ({ seen }) });`,
    );
    assert.deepEqual(await runOne(await loadUserAdapter(file), {}), { seen: "the copy" });
  });

  test("is the same when it is asked for again, and another once its file was changed", async () => {
    using folder = new TempFolder();
    const file = folder.write("a.ts", SHOUT);
    assert.equal(await loadUserAdapter(file), await loadUserAdapter(file));
    folder.write("a.ts", SHOUT.replace('"shout"', '"whisper"'));
    utimesSync(file, new Date(), new Date(Date.now() + 5_000));
    assert.equal((await loadUserAdapter(file)).type, "whisper");
  });

  test("that was wrong can be used once it is corrected", async () => {
    using folder = new TempFolder();
    const file = folder.write("a.ts", "export default {");
    await refusalOf(file);
    folder.write("a.ts", SHOUT);
    utimesSync(file, new Date(), new Date(Date.now() + 5_000));
    assert.equal((await loadUserAdapter(file)).type, "shout");
  });
});

describe("a file that holds no adapter is refused: its name, the reason and what to do are told, when it", () => {
  test("has a syntax error, with the line where that is known", async () => {
    assert.match(
      await refusal("a.ts", "const a = 1;\nexport default {{;"),
      /^Unexpected token .*\(line 2\)\. Correct it$/,
    );
    const script = await refusal("a.js", "const a = 1;\nexport default {{;");
    assert.equal(script, `Unexpected token '{'. Correct it; "node FILE" shows the place`);
    assert.match(await refusal("a.ts", "export default @dec class {}"), /"node FILE" shows the place$/);
  });

  test("imports a file with a syntax error, which is named", async () => {
    using folder = new TempFolder();
    const helper = folder.write("helper.ts", "\n\nexport default {{;");
    const file = folder.write("a.ts", 'import "./helper.ts"; export default {};');
    assert.ok((await refusalOf(file)).includes(`(line 3 of ${helper})`));
  });

  test("has TypeScript that cannot be erased", async () => {
    for (const [source, what, line] of [
      ["\nenum Level { Low }", "enum", 2],
      ["namespace A { export const b = 1 }", "namespace", 1],
      ["class A { constructor(private b: string) {} }", "parameter property", 1],
    ]) {
      const why = await refusal("a.ts", `${source}\nexport default {};`);
      assert.match(
        why,
        new RegExp(`^TypeScript ${what}.*\\(line ${line}\\)\\. Only TypeScript whose types can be erased runs`),
      );
      assert.match(why, /write it in plain JavaScript .* or compile the file to \.js$/);
    }
  });

  test("imports what is not there", async () => {
    const what = /Correct the import, with the ending of a file, or install the package where the adapter lies$/;
    assert.match(await refusal("a.ts", 'import "none-such";'), /^Cannot find package 'none-such'/);
    assert.match(await refusal("a.ts", 'import "none-such";'), what);
    assert.match(await refusal("a.ts", 'import "./helper";'), what);
    assert.match(
      await refusal("a.js", 'module.exports = require("none-such");'),
      /^Cannot find module 'none-such'\. Correct/,
    );
    assert.match(
      await refusal("a.ts", 'import { nope } from "millrace"; export default {};'),
      /'millrace'.*'nope' \(line 1\)/,
    );
  });

  test("throws while it is loaded, whatever it throws", async () => {
    const advice = ". What may fail belongs into prepare or process";
    for (const [source, told] of [
      ['throw new Error("no key\\n    at once.")', "no key at once"],
      ["throw new TypeError()", "TypeError"],
      ['throw "a text"', "a text"],
      ["throw undefined", "undefined"],
      ["throw Object.create(null)", "{}"],
      ["const a = { get b() { throw 1 } }; throw a", "something that cannot be shown"],
      ["await Promise.reject(new Error('late'))", "late"],
    ]) {
      assert.equal(await refusal("a.mjs", `${source};`), `it throws while it is loaded: ${told}${advice}`);
    }
    const long = await refusal("a.mjs", `throw new Error("x".repeat(100_000))`);
    assert.ok(long.length < 600);
  });

  test("has no default export", async () => {
    const why = "it has no default export. Give it one: export default defineAdapter({…})";
    assert.equal(await refusal("a.ts", "export const adapter = {};"), why);
    assert.equal(await refusal("a.mjs", ""), why);
  });

  test("exports something else than an object", async () => {
    for (const [source, kind] of [
      ["() => ({})", "a function"],
      ["class {}", "a function"],
      ['"shout"', "a string"],
      ["null", "null"],
    ]) {
      const why = `its default export is ${kind}. It must be an object: export default defineAdapter({…})`;
      assert.equal(await refusal("a.ts", `export default ${source};`), why);
    }
  });

  test("exports an object that lacks something, or has something of another kind: all of it is told", async () => {
    assert.equal(
      await refusal("a.ts", "export default { process() {} };"),
      'its "type" must be a text of small letters, digits and _ that begins with a letter, at most 64, and is missing; ' +
        'its "description" must be a text that says what the adapter does, and is missing',
    );
    const wrong = async (fields: string) => {
      const base = '{ type: "ok", description: "d", process() {}';
      return refusal("a.ts", `export default ${base}, ${fields} };`);
    };
    for (const type of ["Shout", "9a", "a-b", "a b", "", "a".repeat(65), "é"])
      assert.match(await wrong(`type: ${JSON.stringify(type)}`), /^its "type" must be a text of small letters/, type);
    assert.match(await wrong("type: 7"), /^its "type" must/);
    assert.match(await wrong('description: " "'), /^its "description" must/);
    assert.match(await wrong("config: {}"), /^its "config" must be a Zod schema, made with the z of millrace/);
    assert.match(await wrong('category: "misc"'), /^its "category" must be one of source, content,/);
    for (const name of ["process", "gather", "prepare", "references"])
      assert.match(await wrong(`${name}: 3`), new RegExp(`^its "${name}" must be a function`));
  });

  test("exports an object with neither process nor gather", async () => {
    const why = /^it must have "process", .* or "gather"/;
    assert.match(await refusal("a.ts", 'export default { type: "a", description: "d" };'), why);
  });
});

describe("a path that leads to no adapter is refused, when it", () => {
  test("leads nowhere, with the folder that paths are relative to", async () => {
    using folder = new TempFolder();
    folder.link("dangling.ts", "gone.ts");
    folder.link("loop.ts", "loop.ts");
    for (const name of ["none.ts", "dangling.ts", "loop.ts"]) {
      const why = await refusalOf(join(folder.path, name), folder.path);
      assert.equal(why, `there is no such file. Paths of adapters are relative to ${folder.path}`);
    }
    assert.match(await refusalOf(join(folder.path, "dangling.ts")), /^there is no such file\./);
  });

  test("leads out of the folder, by dots or by a link", async () => {
    using outside = new TempFolder();
    const file = outside.write("a.ts", SHOUT);
    using folder = new TempFolder();
    folder.link("link.ts", file);
    for (const path of [file, join(folder.path, "link.ts")])
      assert.equal(await refusalOf(path, folder.path), `it does not lie in ${folder.path}. Move it there`);
  });

  test("leads to a folder, or to a file of another kind", async () => {
    using folder = new TempFolder();
    for (const file of [
      folder.folder("folder.ts"),
      folder.folder("plain"),
      folder.write("a.cjs", ""),
      folder.write("a.json", "{}"),
    ])
      assert.match(await refusalOf(file, folder.path), /^it is no \.ts, \.mts, \.js or \.mjs file\./);
  });
});
