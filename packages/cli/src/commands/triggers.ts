import type { CreateTrigger, Firing, Trigger, TriggerWithSecret } from "@millrace/protocol";
import { type Command, Option } from "commander";
import { connect, withUrl } from "../connection.ts";
import { UsageError } from "../exit-codes.ts";
import { findConfig } from "../find-config.ts";
import { readPayload } from "../input.ts";
import { type Output, table } from "../output.ts";

interface Common {
  readonly url?: string;
  readonly project?: string;
  readonly json?: boolean;
}

interface CreateOptions extends Common {
  readonly cron?: string;
  readonly timeZone?: string;
  readonly missed?: "once" | "skip";
  readonly folder?: string;
  readonly glob?: string;
  readonly settle?: string;
  readonly existing?: "ignore" | "run";
  readonly call?: boolean;
  readonly name?: string;
  readonly payload?: string;
  readonly set: string[];
  readonly tag?: string;
  readonly maxRunning?: string;
  readonly queue?: boolean;
}

/** `millrace triggers …`. */
export function addTriggers(program: Command, output: Output): void {
  const triggers = program.command("triggers").description("what makes runs of configs by itself");
  const add = (name: string, description: string) =>
    withUrl(triggers.command(name).description(description)).option("--json", "print JSON");
  const show = (value: unknown, json: boolean | undefined, human: () => void) =>
    json ? output.line(JSON.stringify(value, null, 2)) : human();

  add("list", "list the triggers")
    .option("--config <config>", "of this config: its id or name")
    .addHelpText("after", "\nExample:\n  $ millrace triggers list --config hello")
    .action(async ({ config, ...options }: Common & { config?: string }) => {
      const client = connect(options);
      const of = config === undefined ? {} : { config_id: (await findConfig(client, config)).id };
      const page = await client.triggers.list({ ...of, limit: 1000 });
      show(page, options.json, () =>
        output.line(table(output, ["id", "name", "kind", "enabled", "next", "last"], page.triggers.map(row))),
      );
    });

  add("get", "show a trigger")
    .argument("<trigger>", "a trigger's id")
    .addHelpText("after", "\nExample:\n  $ millrace triggers get 0198c0de-0000-7000-8000-000000000000")
    .action(async (id: string, options: Common) => {
      const trigger = await connect(options).triggers.get(id);
      show(trigger, options.json, () => {
        output.line(table(output, ["id", "name", "kind", "enabled", "next", "last"], [row(trigger)]));
        if (trigger.problem !== null) output.note(trigger.problem);
      });
    });

  add("create", "have runs of a config made")
    .argument("<config>", "a config's id or name")
    .option("--cron <expression>", "by the clock: minute, hour, day of month, month, day of week; or @daily")
    .option("--time-zone <name>", "of the expression, as Europe/Berlin; default UTC")
    .addOption(new Option("--missed <what>", "times at which no service ran").choices(["once", "skip"]))
    .option("--folder <path>", "by each file that appears in a folder of the service's machine")
    .option("--glob <pattern>", "which files; default *")
    .option("--settle <seconds>", "how long a file must have stayed the same; default 2")
    .addOption(new Option("--existing <what>", "files that are there already").choices(["ignore", "run"]))
    .option("--call", "by each call of a secret URL")
    .option("--name <name>", "for people")
    .option("--payload <json>", "fields of the first message's payload, as a JSON object")
    .addOption(
      new Option("--set <key=value>", "one such field; may be repeated")
        .argParser((value: string, before: string[]) => [...before, value])
        .default([]),
    )
    .option("--tag <template>", "the tag of each run, with {date}, {time} or {firing} in it")
    .option("--max-running <n>", "runs of it that may be under way at once")
    .option("--queue", "while that many are, the next waits; without it nothing comes of it")
    .addHelpText(
      "after",
      "\nPrints the new id, and of --call the path with its secret, which is told this once.\n\nExamples:\n  $ millrace triggers create hello --cron @daily --time-zone Europe/Berlin\n  $ millrace triggers create hello --folder /srv/inbox --glob *.csv --max-running 1 --queue\n  $ millrace triggers create hello --call",
    )
    .action(async (config: string, options: CreateOptions) => {
      const client = connect(options);
      const { id } = await findConfig(client, config);
      const trigger = await client.triggers.create({ config_id: id, ...kindOf(options), ...bodyOf(options) });
      show(trigger, options.json, () => told(output, trigger));
    });

  for (const enabled of [true, false]) {
    const word = enabled ? "enable" : "disable";
    add(word, `${word} a trigger`)
      .argument("<trigger>", "a trigger's id")
      .addHelpText("after", `\nExample:\n  $ millrace triggers ${word} 0198c0de-0000-7000-8000-000000000000`)
      .action(async (id: string, options: Common) => {
        const trigger = await connect(options).triggers.update(id, { enabled });
        show(trigger, options.json, () => output.line(`${word}d ${trigger.id}`));
      });
  }

  add("fire", "set a trigger off now")
    .argument("<trigger>", "a trigger's id")
    .option("--payload <json>", "merged into its payload")
    .addHelpText(
      "after",
      "\nPrints the execution's id.\n\nExample:\n  $ millrace triggers fire 0198c0de-0000-7000-8000-000000000000",
    )
    .action(async (id: string, options: Common & { payload?: string }) => {
      const payload = readPayload(options.payload, []);
      const firing = await connect(options).triggers.fire(id, payload === undefined ? {} : { payload });
      show(firing, options.json, () => {
        if (firing.execution_id !== null) output.line(firing.execution_id);
        else output.note(`${firing.outcome}: ${firing.error?.message ?? "it is started as soon as it may be"}`);
      });
    });

  add("firings", "list what came of a trigger, newest first")
    .argument("<trigger>", "a trigger's id")
    .option("--limit <n>", "how many", "100")
    .addHelpText("after", "\nExample:\n  $ millrace triggers firings 0198c0de-0000-7000-8000-000000000000")
    .action(async (id: string, options: Common & { limit: string }) => {
      const page = await connect(options).triggers.firings(id, { limit: Number(options.limit) });
      show(page, options.json, () =>
        output.line(table(output, ["due", "outcome", "execution", "why"], page.firings.map(firingRow))),
      );
    });

  add("rotate", "give a trigger's URL a new secret")
    .argument("<trigger>", "a trigger's id")
    .addHelpText("after", "\nExample:\n  $ millrace triggers rotate 0198c0de-0000-7000-8000-000000000000")
    .action(async (id: string, options: Common) => {
      const trigger = await connect(options).triggers.rotate(id);
      show(trigger, options.json, () => told(output, trigger));
    });

  add("delete", "delete a trigger; executions that came of it stay")
    .argument("<trigger>", "a trigger's id")
    .addHelpText("after", "\nExample:\n  $ millrace triggers delete 0198c0de-0000-7000-8000-000000000000")
    .action(async (id: string, options: Common) => {
      await connect(options).triggers.delete(id);
      show({ id, deleted: true }, options.json, () => output.line(`deleted ${id}`));
    });
}

function kindOf(options: CreateOptions): Pick<CreateTrigger, "kind" | "cron" | "folder"> {
  const { cron, folder, call } = options;
  if ([cron, folder, call].filter((kind) => kind !== undefined).length !== 1)
    throw new UsageError("say what sets it off, once: --cron, --folder or --call");
  if (cron !== undefined) {
    const { timeZone, missed } = options;
    return {
      kind: "cron",
      cron: {
        expression: cron,
        ...(timeZone === undefined ? {} : { time_zone: timeZone }),
        ...(missed === undefined ? {} : { missed }),
      },
    };
  }
  if (folder === undefined) return { kind: "call" };
  const { glob, settle, existing } = options;
  return {
    kind: "folder",
    folder: {
      path: folder,
      ...(glob === undefined ? {} : { glob }),
      ...(settle === undefined ? {} : { settle_seconds: Number(settle) }),
      ...(existing === undefined ? {} : { existing }),
    },
  };
}

function bodyOf(options: CreateOptions): Omit<CreateTrigger, "config_id" | "kind" | "cron" | "folder"> {
  const payload = readPayload(options.payload, options.set);
  return {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(payload === undefined ? {} : { payload }),
    ...(options.tag === undefined ? {} : { tag_template: options.tag }),
    ...(options.maxRunning === undefined ? {} : { max_running: Number(options.maxRunning) }),
    ...(options.queue ? { when_running: "queue" as const } : {}),
  };
}

function told(output: Output, trigger: TriggerWithSecret): void {
  output.line(trigger.id);
  if (trigger.call_path === null) return;
  output.line(trigger.call_path);
  output.note(
    "Whoever knows this path can start runs. It is not shown again; `millrace triggers rotate` makes a new one.",
  );
}

function row(trigger: Trigger): string[] {
  const last = trigger.last_firing;
  const what = trigger.problem === null ? (last === null ? "" : `${last.outcome} ${last.at}`) : "problem";
  return [trigger.id, trigger.name, trigger.kind, trigger.enabled ? "yes" : "no", trigger.next_at ?? "", what];
}

function firingRow(firing: Firing): string[] {
  return [firing.due_at, firing.outcome, firing.execution_id ?? "", firing.error?.message ?? ""];
}
