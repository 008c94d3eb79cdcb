import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readSettings, settingsSchema } from "@millrace/server/settings";
import { EXIT_CODES } from "../../packages/cli/src/exit-codes.ts";
import { cliPages, commandsOf, documentedProgram, helpBelow } from "../../scripts/cli-pages.ts";
import { Folder, millrace } from "../support/command.ts";

const ROOT = join(import.meta.dirname, "..", "..");

test("the pages on commands and settings say what the commands and settings are", () => {
  for (const [name, text] of cliPages()) {
    const page = readFileSync(join(ROOT, "docs", name), "utf8");
    assert.equal(page, text, `${name} is not current: run node scripts/generate-cli-docs.ts`);
  }
});

test("the pages name every command, option, setting and exit code", () => {
  const [commands, settings] = ["cli.md", "settings.md"].map((name) => readFileSync(join(ROOT, "docs", name), "utf8"));
  for (const [typed, command] of commandsOf(documentedProgram())) {
    assert.ok(commands?.includes(`## ${typed}\n`), typed);
    for (const { long } of command.options)
      assert.ok(`${commands}${settings}`.includes(`\`${long}`), `${typed} ${long}`);
  }
  for (const code of Object.keys(EXIT_CODES)) assert.ok(commands?.includes(`| ${code} |`), code);
  for (const name of Object.keys(settingsSchema.shape))
    assert.match(settings ?? "", new RegExp(`^\\| \`${name}\` `, "m"));
});

test("the config file that the page shows is one", () => {
  using folder = new Folder();
  const page = readFileSync(join(ROOT, "docs", "settings.md"), "utf8");
  const file = folder.write("millrace.yaml", /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "");
  const { settings } = readSettings({ flags: {}, env: {}, configFile: file });
  assert.equal(settings.port, 9000);
});

test("every command's help says what it takes and shows an example that it would take", () => {
  const commands = commandsOf(documentedProgram());
  assert.ok(commands.size > 15);
  for (const [typed, command] of commands) {
    for (const part of [...command.options, ...command.registeredArguments])
      assert.notEqual(part.description, "", `${typed} ${part.name()}`);
    const examples = [...helpBelow(command).matchAll(/^ {2}\$ (?:\w+=\S+ )?(.*)$/gm)].map((match) => match[1] ?? "");
    assert.notEqual(examples.length, 0, typed);
    for (const example of examples) checkExample(example, typed, command);
  }
});

/** Holds an example to the command's options and arguments, and to the files that are there. */
function checkExample(example: string, typed: string, command: ReturnType<typeof documentedProgram>): void {
  const [line] = example.split(/ (?:[|<>]|&&) /);
  assert.ok(line === typed || line?.startsWith(`${typed} `), example);
  const words = (line ?? "").slice(typed.length).trim();
  const { operands, unknown } = command.parseOptions(words === "" ? [] : words.split(" "));
  assert.deepEqual(unknown, [], example);
  const needed = command.registeredArguments.filter((argument) => argument.required).length;
  const taken = command.registeredArguments.some((argument) => argument.variadic)
    ? Infinity
    : command.registeredArguments.length;
  assert.ok(operands.length >= needed && operands.length <= taken, example);
  for (const operand of operands)
    if (operand.startsWith("examples/") && !operand.includes("*")) assert.ok(existsSync(join(ROOT, operand)), example);
}

test("help is on stdout with 0; a wrong command line is told on stderr with 2 and what was meant", async () => {
  const [help, sub, nothing, command, nested, option, missing, extra] = await Promise.all([
    millrace(["--help"]),
    millrace(["configs", "run", "--help"]),
    millrace([]),
    millrace(["rnu"]),
    millrace(["executions", "lst"]),
    millrace(["serve", "--prot", "1"]),
    millrace(["run"]),
    millrace(["watch", "a", "b"]),
  ]);
  for (const { code, stderr } of [help, sub]) assert.deepEqual([code, stderr], [0, ""]);
  for (const [code, meaning] of Object.entries(EXIT_CODES))
    assert.match(help.stdout, new RegExp(`^ +${code}  ${meaning}$`, "m"));
  assert.match(sub.stdout, /--set <key=value>[\s\S]*Examples:\n {2}\$ millrace configs run/);
  assert.match(nothing.stderr, /^Usage: millrace/);
  assert.match(command.stderr, /unknown command 'rnu'\n\(Did you mean run\?\)/);
  assert.match(nested.stderr, /unknown command 'lst'\n\(Did you mean list\?\)/);
  assert.match(option.stderr, /unknown option '--prot'\n\(Did you mean --port\?\)/);
  assert.match(missing.stderr, /missing required argument 'file'/);
  assert.match(extra.stderr, /too many arguments/);
  for (const { code, stdout } of [nothing, command, nested, option, missing, extra]) {
    assert.equal(code, 2);
    assert.equal(stdout, "");
  }
});
