import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Folder, inTerminal, millrace } from "../support/command.ts";
import { RunningTerminal } from "../support/running-terminal.ts";
import { Screen } from "../support/screen.ts";
import { QUICK, SLOW } from "./pipelines.ts";

const CTRL_C = "\u0003";
const CTRL_Z = "\u001a";

const folder = new Folder();
after(() => folder[Symbol.dispose]());
let runs = 0;

/** The command line of a run, in a data directory of its own. */
function run(yaml: string): string[] {
  runs += 1;
  return ["run", folder.write(`${runs}.yaml`, yaml), "--data-dir", folder.at(`data-${runs}`)];
}

/** A pipeline of many routes: the first sends one message to each of the others, which then wait. */
function wide(names: readonly string[]): string {
  const routes = names.map((name) => `  ${name}: { adapters: [{ type: delay, config: { seconds: 300 } }] }`);
  return `version: "1.0"\nname: wide\nroutes:\n  make: { adapters: [{ type: generate, config: { count: 1 } }], outbound: [${names.join(", ")}] }\n${routes.join("\n")}\ninit_message: { route: make }\n`;
}

test("a terminal shows a table that moves; a dumb one and a pipe get plain lines; NO_COLOR gets no colours", async () => {
  const show = (env: Record<string, string>, size = {}) => inTerminal(run(QUICK), { env, ...size });
  const [rich, dumb, plain, sizeless, pipe] = await Promise.all([
    show({}),
    show({ TERM: "dumb" }),
    show({ NO_COLOR: "1" }),
    show({}, { rows: 0, columns: 0 }),
    millrace(run(QUICK)),
  ]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is looked for.
  const colour = /\u001b\[\d+m/;
  assert.match(rich.stdout, colour);
  assert.match(rich.stdout, /█+.* 4 of 4 messages/);
  for (const { stdout } of [dumb, pipe]) assert.ok(!stdout.includes("\u001b"), stdout);
  for (const { stdout } of [dumb, pipe, sizeless]) assert.match(stdout, /: 4 done, 0 failed, 0 to do/);
  assert.doesNotMatch(plain.stdout, colour);
  assert.match(plain.stdout, /█/);
  for (const { code } of [rich, dumb, plain, sizeless, pipe]) assert.equal(code, 0);
});

test("the last table stays, once, with every route in the pipeline's order, and the summary below it", async () => {
  const { stdout } = await inTerminal(run(QUICK));
  const { lines, cursor } = await Screen.of(stdout);
  const [head, titles, make, keep, bar, summary, ...more] = lines;
  assert.match(head ?? "", /^quick {2}completed$/);
  assert.match(titles ?? "", /^route +queued +running +done +failed +rate$/);
  assert.match(make ?? "", /^make +0 +0 +1 +0 /);
  assert.match(keep ?? "", /^keep +0 +0 +3 +0 /);
  assert.match(bar ?? "", /^█+ 4 of 4 messages {2}\d/);
  assert.match(summary ?? "", /^completed: 4 messages done, 0 failed, in /);
  assert.deepEqual(more, []);
  assert.ok(cursor);
});

test("in 40 columns, with long names and wide letters, no line of the table is broken", async () => {
  const names = ["a-route-with-a-name-that-is-longer-than-the-terminal-is-wide", "short"];
  const yaml = wide(names).replace("name: wide", "name: 日本語の長い名前のパイプラインですから切られます");
  await using terminal = RunningTerminal.millrace(run(yaml), { columns: 40 });
  const view = await terminal.shows("1 of 3 messages");
  assert.equal((await terminal.screen()).broken, 0, view.join("\n"));
  assert.match(view.join("\n"), /^日本語.*…$/m);
  assert.match(view.join("\n"), /^a-rou.*…\S+ +0 +1 +0 +0/m);
  assert.match(view.join("\n"), /^route +queue run done fail/m);
  terminal.press(CTRL_C);
  assert.equal(await terminal.ended(), 130);
});

test("of more routes than the terminal has rows, those are shown in which something goes on, and the others are summed up", async () => {
  const names = Array.from({ length: 30 }, (_, at) => `r${at}`);
  const yaml = wide(names.slice(0, 3)).replace(
    "init_message",
    `${names
      .slice(3)
      .map((name) => `  ${name}: { adapters: [{ type: log }], outbound: [] }`)
      .join("\n")}\ninit_message`,
  );
  await using terminal = RunningTerminal.millrace(run(yaml), { rows: 10 });
  const view = await terminal.shows("1 of 4 messages");
  assert.ok(view.length <= 10, view.join("\n"));
  for (const name of ["r0", "r1", "r2"])
    assert.ok(
      view.some((line) => line.startsWith(`${name} `)),
      view.join("\n"),
    );
  assert.match(view.join("\n"), /^… 26 more routes: 0 to do, \d done, 0 failed$/m);
  terminal.press(CTRL_C);
  await terminal.ended();
  const { lines } = await terminal.screen();
  for (const name of names)
    assert.equal(lines.filter((line) => line.startsWith(`${name} `)).length, 1, "once, at the end");
});

test("a terminal that changes its size is drawn anew, and nothing of the old table is left", async () => {
  await using terminal = RunningTerminal.millrace(run(SLOW));
  await terminal.shows("1 of 5 messages");
  for (const [rows, columns] of [
    [24, 30],
    [24, 100],
    [14, 44],
  ] as const) {
    await terminal.resize(rows, columns, "1 of 5 messages");
    const { lines } = await terminal.screen();
    assert.equal(lines.filter((line) => line.startsWith("route")).length, 1, lines.join("\n"));
    assert.equal(lines.filter((line) => line.startsWith("make")).length, 1, lines.join("\n"));
  }
  terminal.press(CTRL_C);
  assert.equal(await terminal.ended(), 130);
});

test("what an adapter prints stands above the table, and does not break it", async () => {
  folder.write(
    "talk.js",
    'import { defineAdapter } from "millrace";\nexport default defineAdapter({ type: "talk", description: "Talks.", process(message) { console.log(`said ${message.payload.index}`); return message.payload; } });',
  );
  const yaml = `version: "1.0"
name: talk
routes:
  make: { adapters: [{ type: generate, config: { count: 3 } }], outbound: [say] }
  say: { adapters: [{ type: ./talk.js }] }
init_message: { route: make }
`;
  const { code, stdout } = await inTerminal(run(yaml), { cwd: folder.path });
  const { lines } = await Screen.of(stdout);
  assert.equal(code, 0, lines.join("\n"));
  assert.deepEqual(lines.slice(0, 4), ["said 0", "said 1", "said 2", "talk  completed"]);
});

test("the cursor comes back however a run ends: cancelled, stopped for a while, or hung up on", async () => {
  await using shell = new RunningTerminal([
    "bash",
    "--noprofile",
    "--rcfile",
    folder.write("bashrc", "PS1='ready> '"),
    "-i",
  ]);
  await shell.shows("ready>");
  const line = [process.execPath, "packages/cli/bin/millrace.js", ...run(SLOW)].join(" ");
  shell.press(`${line}\r`);
  await shell.shows("1 of 5 messages");
  assert.equal((await shell.screen()).cursor, false);
  shell.press(CTRL_Z);
  await shell.shows(/Stopped/);
  assert.equal((await shell.screen()).cursor, true);
  shell.press("clear; echo 'cl'eared; fg\r");
  await shell.shows(/^cleared/);
  await shell.shows("1 of 5 messages");
  shell.press(CTRL_C);
  await shell.shows(/^cancelled: 1 message done/);
  shell.press("echo 'en'ded\r");
  await shell.shows(/^ended/);
  assert.equal((await shell.screen()).cursor, true);
  shell.press("exit\r");
  await shell.ended();
});
