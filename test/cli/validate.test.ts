import assert from "node:assert/strict";
import { test } from "node:test";
import { commandInTerminal, Folder, inTerminal, millrace } from "../support/command.ts";
import { MILLRACE } from "../support/millrace-process.ts";
import { QUICK, WRONG } from "./pipelines.ts";

test("validate prints each finding as file:line:column with its code, the line and what to do", async () => {
  using folder = new Folder();
  // Lines that end as on Windows are shown without what ends them.
  const file = folder.write("wrong.yaml", WRONG.replaceAll("\n", "\r\n"));
  const { code, stdout } = await millrace(["validate", file]);
  assert.equal(code, 3);
  assert.deepEqual(stdout.split("\n").slice(0, 4), [
    `${file}:4:30: error E103: Unknown adapter type "generat"`,
    "4 |   work: { adapters: [{ type: generat }] }",
    `${" ".repeat(33)}^`,
    '  help: Did you mean "generate"?',
  ]);
  assert.match(stdout, /warning W502: /);
  const wide = await millrace(["validate", "-"], { input: `${QUICK}routes2: { 日本: [ }\n` });
  const marks = wide.stdout.split("\n");
  const at = marks.findIndex((line) => /^\s+\^$/.test(line));
  const [, column] = /:(\d+): error/.exec(marks[at - 2] ?? "") ?? [];
  // Two letters that are as wide as four stand before the place.
  assert.equal(marks[at]?.indexOf("^"), "8 | ".length + Number(column) - 1 + 2, wide.stdout);
  assert.match(stdout, /: 1 error, 1 warning\n$/);
});

test("validate checks every file that it can read, and names each that it cannot", async () => {
  using folder = new Folder();
  const files = [
    folder.at("missing.yaml"),
    folder.path,
    folder.write("quick.yaml", QUICK),
    folder.write(
      "binary.yaml",
      Uint8Array.from({ length: 2000 }, (_, index) => (index * 37) % 256),
    ),
    folder.write("empty.yaml", ""),
  ];
  const [human, json, sound] = await Promise.all([
    millrace(["validate", ...files]),
    millrace(["validate", "--json", ...files]),
    millrace(["validate", "--json", "-"], { input: QUICK }),
  ]);
  assert.equal(human.code, 2);
  assert.match(human.stderr, /missing\.yaml: there is no such file$/m);
  assert.match(human.stderr, /is a folder; name its files, as .*\*\.yaml$/m);
  assert.match(human.stdout, /quick\.yaml: no findings$/m);
  assert.match(human.stdout, /binary\.yaml:\d+:\d+: error E0\d\d: /);
  assert.match(human.stdout, /empty\.yaml:1:1: error E007: /);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what a binary file must not send to a terminal.
  assert.doesNotMatch(human.stdout, /[\u0000-\u0009\u000b-\u001f]/);

  assert.equal(json.code, 2);
  const reports: { file: string; is_valid: boolean; issues: { code: string }[] }[] = JSON.parse(json.stdout);
  assert.deepEqual(
    reports.map((report) => [report.file, report.is_valid]),
    [
      [files[2], true],
      [files[3], false],
      [files[4], false],
    ],
  );
  assert.equal(sound.code, 0);
  assert.equal(JSON.parse(sound.stdout)[0].file, "-");
});

test("findings have colours where a terminal shows them, and none in a file", async () => {
  using folder = new Folder();
  const file = folder.write("wrong.yaml", WRONG);
  const shown = await inTerminal(["validate", file]);
  assert.match(shown.stdout, /error E103/);
  assert.ok(shown.stdout.includes("\u001b["));
  // A run tells its findings on stderr, which may lead elsewhere than stdout.
  const apart = await commandInTerminal([
    "sh",
    "-c",
    `${process.execPath} ${MILLRACE} run ${file} --data-dir ${folder.at("d")} 2> ${folder.at("e")}; cat -v ${folder.at("e")}`,
  ]);
  assert.match(apart.stdout, /error E103/);
  assert.doesNotMatch(apart.stdout, /\^\[/);
});

test("adapters and schema know the adapters of one's own, from the flag and from the variable", async () => {
  const env = { MILLRACE_ADAPTERS_DIR: "examples/adapters" };
  const [flag, variable, schema, list, one, none, unset] = await Promise.all([
    millrace(["adapters", "shout", "--adapters-dir", "examples/adapters"]),
    millrace(["adapters", "shout", "--json"], { env }),
    millrace(["schema"], { env }),
    millrace(["adapters", "--json"]),
    millrace(["adapters", "delay"]),
    millrace(["adapters", "delai"]),
    millrace(["schema"], { env: { MILLRACE_ADAPTERS_DIR: "" } }),
  ]);
  assert.match(flag.stdout, /^shout +\(user\)/);
  assert.equal(JSON.parse(variable.stdout).type, "shout");
  assert.ok(schema.stdout.includes('"shout"'));
  assert.equal(typeof JSON.parse(schema.stdout), "object");
  assert.ok(JSON.parse(list.stdout).some((adapter: { type: string }) => adapter.type === "generate"));
  assert.match(one.stdout, /^seconds .*required/m);
  assert.equal(none.code, 4);
  assert.match(none.stderr, /^millrace: There is no adapter of type "delai"\. Did you mean "delay"\?$/m);
  assert.equal(unset.code, 0, unset.stderr);
});
