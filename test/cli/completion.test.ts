import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { Folder, millrace } from "../support/command.ts";
import { MILLRACE } from "../support/millrace-process.ts";
import { RunningTerminal } from "../support/running-terminal.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { BROKEN, SLOW } from "./pipelines.ts";

const folder = new Folder();
let service: ServiceProcess;

before(async () => {
  service = await ServiceProcess.start();
  const id = await service.run(BROKEN, {}, "?tag=first:broken");
  await service.client.executions.wait(id);
  await service.run(SLOW, {}, "?tag=still-running");
  await service.client.configs.create({ config_yaml: SLOW, name: "nightly-import" });
});
after(async () => {
  await service[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** What `millrace` offers for the last of these words, without descriptions. */
async function offered(...words: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await millrace(["__complete", "--", ...words], {
    env: { MILLRACE_URL: service.url },
  });
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t")[0] ?? "");
}

/** The same, of what the service has: a machine that is too busy for it to answer in time is asked again. */
async function told(...words: string[]): Promise<string[]> {
  for (;;) {
    const answer = await offered(...words);
    if (answer.length > 1) return answer;
  }
}

test("commands, options, their values and files are offered where they may stand", async () => {
  const cases: [string[], string[]][] = [
    [["wat"], ["watch", ":none"]],
    [
      ["executions", "wa"],
      ["wait", ":none"],
    ],
    [
      ["watch", "--si"],
      ["--since", ":none"],
    ],
    [
      ["watch", "--since", ""],
      ["now", ":none"],
    ],
    [
      ["executions", "list", "--status=fa"],
      ["--status=failed", ":none"],
    ],
    [["executions", "list", "--limit", ""], [":none"]],
    [["run", "exa"], [":yaml"]],
    [["validate", "a.yaml", ""], [":yaml"]],
    [["backup", ""], [":files"]],
    [["run", "a.yaml", "--adapters-dir", ""], [":folders"]],
    [
      ["completion", ""],
      ["bash", "zsh", "fish", ":none"],
    ],
    [
      ["adapters", "markdown_s"],
      ["markdown_split", ":none"],
    ],
    [["run", "--", "--js"], [":yaml"]],
  ];
  const answers = await Promise.all(cases.map(([words]) => offered(...words)));
  assert.deepEqual(
    answers,
    cases.map(([, answer]) => answer),
  );
});

test("ids and tags of executions, names of configs, routes and error codes come from the service", async () => {
  const watch = await told("watch", "");
  const cancel = await told("executions", "cancel", "");
  const removed = await told("executions", "delete", "");
  const config = await told("configs", "run", "ni");
  const route = await told("watch", "first:broken", "--route", "");
  const code = await told("executions", "retry", "first:broken", "--code", "");
  const tag = await told("executions", "list", "--tag", "st");
  assert.deepEqual(watch, ["still-running", "first:broken", ":none"]);
  assert.deepEqual(cancel, ["still-running", ":none"]);
  assert.deepEqual(removed, ["first:broken", ":none"]);
  assert.deepEqual(config, ["nightly-import", ":none"]);
  assert.deepEqual(route, ["work", ":none"]);
  assert.deepEqual(code, ["NO_GOOD", ":none"]);
  assert.deepEqual(tag, ["still-running", ":none"]);
});

test("without a service nothing is offered, and nothing is said", async () => {
  const { code, stdout, stderr } = await millrace(["__complete", "--", "watch", ""], {
    env: { MILLRACE_URL: "http://127.0.0.1:1" },
  });
  assert.deepEqual([code, stdout, stderr], [0, ":none\n", ""]);
});

/** How each shell is started with a file of its commands; the prompt is `ready> `, and Ctrl-A goes to the line's begin. */
const SHELLS: Record<string, (setup: string) => { command: string[]; env?: Record<string, string> }> = {
  bash: (setup) => ({
    command: ["bash", "--noprofile", "--rcfile", folder.write("bashrc", `${setup}\nPS1='ready> '\n`), "-i"],
  }),
  zsh: (setup) => {
    folder.write(".zshrc", `autoload -U compinit; compinit -u -D\n${setup}\nbindkey -e; PROMPT='ready> '\n`);
    return { command: ["zsh", "-d", "-i"], env: { ZDOTDIR: folder.path } };
  },
  fish: (setup) => ({
    command: ["fish", "--no-config", "-i", "-C", `${setup}; function fish_prompt; echo -n 'ready> '; end`],
    env: { HOME: folder.path, XDG_CONFIG_HOME: folder.path },
  }),
};

const DEFINITIONS: Record<string, string> = {
  bash: `millrace() { '${process.execPath}' '${MILLRACE}' "$@"; }; eval "$(millrace completion bash)"`,
  zsh: `millrace() { '${process.execPath}' '${MILLRACE}' "$@"; }; source <(millrace completion zsh)`,
  fish: `function millrace; '${process.execPath}' '${MILLRACE}' $argv; end; millrace completion fish | source`,
};

/** What is typed before Tab, and what the line is after it. */
const TYPED: [string, string][] = [
  ["millrace wat", "millrace watch"],
  ["millrace watch st", "millrace watch still-running"],
  ["millrace watch first:b", "millrace watch first:broken"],
  ["millrace executions list --status=fa", "millrace executions list --status=failed"],
  ["millrace run examples/readm", "millrace run examples/readmes.yaml"],
  ["millrace run a.yaml --adapters-dir exampl", "millrace run a.yaml --adapters-dir examples"],
  ["millrace watch '$(touch HACKED)' --sin", "millrace watch $(touch HACKED) --since"],
];

for (const [shell, start] of Object.entries(SHELLS)) {
  test(`${shell} completes by the script that is printed for it`, {
    skip: !isThere(shell) && `${shell} is not there`,
  }, async () => {
    const { command, env } = start(DEFINITIONS[shell] ?? "");
    await using terminal = new RunningTerminal(command, {
      columns: 160,
      rows: 50,
      env: { ...env, MILLRACE_URL: service.url },
    });
    await terminal.shows("ready>");
    for (const [at, [typed, line]] of TYPED.entries()) {
      // The line that Tab has made is printed by going back to its beginning.
      terminal.press(`${typed}\t\u0001echo 'GOT'${at} \u0005\r`);
      const view = await terminal.shows(new RegExp(`^GOT${at} `));
      const got = view.find((each) => each.startsWith(`GOT${at} `)) ?? "";
      assert.equal(got.replace(/\/? *$/, ""), `GOT${at} ${line}`);
    }
    terminal.press("exit\r");
    await terminal.ended();
  });
}

function isThere(shell: string): boolean {
  try {
    execFileSync("which", [shell], { stdio: "ignore" });
    return true;
  } catch {
    assert.notEqual(process.env.TEST_REQUIRE_SHELLS, "1", `${shell} is needed`);
    return false;
  }
}
