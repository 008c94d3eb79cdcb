import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import {
  commandInTerminal,
  Folder,
  inShell,
  inTerminal,
  jsonLines,
  millrace,
  RunningCommand,
} from "../support/command.ts";
import { MILLRACE } from "../support/millrace-process.ts";
import { BROKEN, QUICK, SLOW, WRONG } from "./pipelines.ts";

const CTRL_C = "\u0003";
/** Another Node than the pinned one, with which the launcher starts the pinned one as its child. */
const SYSTEM_NODE = ["/usr/bin/node", "/usr/local/bin/node"].find(
  (node) => existsSync(node) && Number(execFileSync(node, ["-p", "parseInt(process.versions.node)"])) < 24,
);

test("a run says per route what it did, and its exit code how it ended", async () => {
  using folder = new Folder();
  const run = (name: string, yaml: string) =>
    millrace(["run", folder.write(name, yaml), "--data-dir", folder.at(`${name}.data`)]);
  const [quick, broken, wrong] = await Promise.all([run("quick", QUICK), run("broken", BROKEN), run("wrong", WRONG)]);

  assert.equal(quick.code, 0, quick.stderr);
  assert.match(quick.stdout, /^keep +3 +0 +0$/m);
  assert.match(quick.stdout, /^completed: 4 messages done, 0 failed/m);
  assert.equal(quick.stderr, "");

  assert.equal(broken.code, 1);
  assert.match(broken.stdout, /^failed: 0 messages done, 1 failed/m);
  assert.match(broken.stdout, /NO_GOOD/);
  assert.ok(!broken.stdout.includes("\u001b"), "an error's text must not reach a terminal as it is");

  assert.equal(wrong.code, 3);
  assert.match(wrong.stderr, /wrong:4:\d+: error E103: /);
  assert.match(wrong.stderr, /^millrace: .*1 error, 1 warning$/m);
  assert.equal(wrong.stdout, "");
});

test("run --json prints one event a line, each with its id, and last the end; run --quiet nothing at all", async () => {
  using folder = new Folder();
  const file = folder.write("quick.yaml", QUICK);
  const [json, quiet] = await Promise.all([
    millrace(["run", file, "--json", "--data-dir", folder.at("json")]),
    millrace(["run", file, "--quiet", "--data-dir", folder.at("quiet")]),
  ]);
  const events = jsonLines(json.stdout);
  assert.equal(events.filter((event) => event.type === "completed").length, 4);
  assert.ok(events.every((event) => typeof event.execution_id === "string" && typeof event.id === "string"));
  assert.deepEqual([events.at(-1)?.type, events.at(-1)?.reason], ["end", "completed"]);
  assert.deepEqual(quiet, { code: 0, stdout: "", stderr: "" });
});

test("a pipeline on standard input runs, with fields of the first message from the command line", async () => {
  using folder = new Folder();
  const yaml = QUICK.replace(
    "[{ type: generate, config: { count: 3 } }]",
    "[{ type: filter, config: { when: 'n = 2' } }]",
  );
  const run = (n: string, dir: string) =>
    millrace(["run", "-", "--payload", '{"n": 1}', "--set", `n=${n}`, "--data-dir", folder.at(dir)], { input: yaml });
  const [two, three] = await Promise.all([run("2", "two"), run("3", "three")]);
  assert.match(two.stdout, /^completed: 2 messages/m);
  assert.match(three.stdout, /^completed: 1 message done/m);
});

test("wrong input to a run is told by name, without a stack trace", async () => {
  using folder = new Folder();
  const file = folder.write("quick.yaml", QUICK);
  const cases: [string[], RegExp][] = [
    [["run", file, "--payload", "[1]"], /^millrace: --payload: expected a JSON object/],
    [["run", file, "--payload", "{"], /^millrace: --payload: expected a JSON object/],
    [["run", file, "--tag", "no tag"], /^millrace: --tag: expected letters.* got "no tag"/],
    [["run", file, "--set", "novalue"], /^millrace: --set: expected key=value, got "novalue"/],
    [["run", folder.at("none.yaml")], /^millrace: .*none\.yaml: there is no such file/],
    [["run", file, "--log-level", "loud"], /^millrace: --log-level: expected one of/],
  ];
  const ended = await Promise.all(cases.map(([args]) => millrace(args, { cwd: folder.path })));
  for (const [index, { code, stderr }] of ended.entries()) {
    assert.equal(code, 2, stderr);
    assert.match(stderr, cases[index]?.[1] ?? /^$/);
    assert.doesNotMatch(stderr, /^ +at /m);
  }
});

test("an adapter that ends the process does not make a run look done", async () => {
  using folder = new Folder();
  folder.write(
    "leave.js",
    'import { defineAdapter } from "millrace";\nexport default defineAdapter({ type: "leave", description: "Leaves.", process: () => process.exit(0) });',
  );
  const yaml = 'version: "1.0"\nroutes: { a: { adapters: [{ type: ./leave.js }] } }\ninit_message: { route: a }\n';
  const { code, stderr } = await millrace(["run", folder.write("leave.yaml", yaml)], { cwd: folder.path });
  assert.equal(code, 1);
  assert.match(stderr, /an adapter ended the process/);
});

test("an adapter that refuses its config is told in one line, with its route", async () => {
  using folder = new Folder();
  folder.write(
    "refuse.js",
    'import { defineAdapter } from "millrace";\nexport default defineAdapter({ type: "refuse", description: "Refuses.", prepare() { throw new Error("no such model") }, process: () => [] });',
  );
  const yaml =
    'version: "1.0"\nroutes: { a: { adapters: [{ type: ./refuse.js, name: picky }] } }\ninit_message: { route: a }\n';
  const { code, stderr } = await millrace(["run", folder.write("refuse.yaml", yaml)], { cwd: folder.path });
  assert.equal(code, 3);
  assert.match(
    stderr,
    /^millrace: The adapter "picky" of the route "a" cannot work with its config: no such model\.$/m,
  );
  assert.doesNotMatch(stderr, /^ +at /m);
});

test("the settings of a service do not keep a run from running", async () => {
  using folder = new Folder();
  const { code, stderr } = await millrace(["run", folder.write("quick.yaml", QUICK), "--data-dir", folder.at("d")], {
    env: { MILLRACE_PORT: "abc", MILLRACE_HOST: "", MILLRACE_CONFIG: "" },
  });
  assert.equal(code, 0, stderr);
});

test("Ctrl-C cancels a run and shows what came of it; pressed again, it leaves at once", async () => {
  using folder = new Folder();
  const file = folder.write("slow.yaml", SLOW);
  const stuck = folder.write(
    "stuck.yaml",
    SLOW.replace("type: delay, config: { seconds: 300 }", "type: fail, config: { mode: hang }"),
  );
  const started = "1 of 5 messages";
  const [once, twice] = await Promise.all([
    inTerminal(["run", file, "--data-dir", folder.at("once")], { keys: [{ after: started, send: CTRL_C }] }),
    inTerminal(["run", stuck, "--data-dir", folder.at("twice")], {
      keys: [
        { after: started, send: CTRL_C },
        { after: "Cancelling", send: CTRL_C, pause: 0.5 },
      ],
    }),
  ]);
  assert.equal(once.code, 130);
  assert.match(once.stdout, /Ctrl-C once more leaves at once/);
  assert.match(once.stdout, /cancelled.*: 1 message done, 4 failed/);
  assert.equal(twice.code, 130);
  for (const { stdout } of [once, twice])
    assert.ok(stdout.lastIndexOf("\u001b[?25h") > stdout.lastIndexOf("\u001b[?25l"), "the cursor is shown again");
});

test("one Ctrl-C counts once under an older Node as well, also with a pipe as input", {
  skip: SYSTEM_NODE === undefined,
}, async () => {
  using folder = new Folder();
  const node = SYSTEM_NODE ?? "";
  const file = folder.write("slow.yaml", SLOW);
  const keys = [{ after: "1 of 5 messages", send: CTRL_C }];
  const [typed, piped] = await Promise.all([
    inTerminal(["run", file, "--data-dir", folder.at("typed")], { node, keys }),
    // As `cat slow.yaml | millrace run -`, where standard input says nothing about the terminal.
    commandInTerminal(["sh", "-c", `cat ${file} | ${node} ${MILLRACE} run - --data-dir ${folder.at("piped")}`], {
      keys,
    }),
  ]);
  for (const { code, stdout } of [typed, piped]) {
    assert.equal(code, 130);
    assert.match(stdout, /cancelled.*: 1 message done/);
  }
});

test("a signal to the launcher alone reaches a command under an older Node, and is in the exit code", {
  skip: SYSTEM_NODE === undefined,
}, async () => {
  using folder = new Folder();
  const node = SYSTEM_NODE ?? "";
  await using run = new RunningCommand(
    ["run", folder.write("slow.yaml", SLOW), "--data-dir", folder.at("d"), "--json"],
    { node },
  );
  await run.shows('"adapter":"delay"');
  run.child.kill("SIGINT");
  assert.equal((await run.ended).code, 130);
  assert.match(run.stderr, /^Cancelling/m);

  // A command that has nothing to clean up dies of the signal, and so does the launcher.
  await using idle = new RunningCommand(
    ["run", folder.write("more.yaml", SLOW), "--data-dir", folder.at("e"), "--json"],
    { node },
  );
  await idle.shows('"adapter":"delay"');
  idle.child.kill("SIGHUP");
  assert.notEqual((await idle.ended).code, 0);
});

test("a reader that leaves early ends a command quietly, and a full disk is told in one line", async () => {
  using folder = new Folder();
  const data = folder.at("data");
  const [left, full] = await Promise.all([
    inShell(
      `millrace run ${folder.write("slow.yaml", SLOW.replace("count: 4", "count: 20000"))} --json --data-dir ${data} | head -1`,
    ),
    inShell("millrace adapters > /dev/full"),
  ]);
  assert.equal(left.stderr, "");
  assert.equal(jsonLines(left.stdout).length, 1);
  assert.equal(left.code, 141, "not 0, which would say that the run has completed");
  assert.match(full.stderr, /^millrace: the output cannot be written: .*\n$/);
  assert.equal(full.code, 74);
});
