import type { Config, ConfigSummary } from "@millrace/protocol";
import { type Command, Option } from "commander";
import { connect, watchHint, withUrl } from "../connection.ts";
import { findConfig } from "../find-config.ts";
import { printFindings, summarizeReport } from "../findings-printer.ts";
import { readInput, readPayload } from "../input.ts";
import { type Output, table } from "../output.ts";
import { watchExecution } from "../watch-execution.ts";

interface Common {
  readonly url?: string;
  readonly project?: string;
  readonly json?: boolean;
}

/** `millrace configs …`. */
export function addConfigs(program: Command, output: Output): void {
  const configs = program.command("configs").description("the pipelines that a service keeps");
  const add = (name: string, description: string) =>
    withUrl(configs.command(name).description(description)).option("--json", "print JSON");
  const show = (value: unknown, json: boolean | undefined, human: () => void) =>
    json ? output.line(JSON.stringify(value, null, 2)) : human();

  add("list", "list the configs")
    .option("--limit <n>", "how many", "100")
    .option("--offset <n>", "how many to skip", "0")
    .addHelpText(
      "after",
      "\nExamples:\n  $ millrace configs list\n  $ millrace configs list --json | jq -r '.configs[].name'",
    )
    .action(async ({ limit, offset, ...options }: Common & { limit: string; offset: string }) => {
      const page = await connect(options).configs.list({ limit: Number(limit), offset: Number(offset) });
      show(page, options.json, () => {
        output.line(table(output, ["id", "name", "version", "runnable", "updated"], page.configs.map(row)));
        if (page.has_more) output.note(`${page.total} in all; --limit and --offset show more.`);
      });
    });

  add("get", "show a config")
    .argument("<config>", "a config's id or name")
    .addHelpText("after", "\nExample:\n  $ millrace configs get readmes")
    .action(async (name: string, options: Common) => {
      const client = connect(options);
      const config = await client.configs.get((await findConfig(client, name)).id);
      show(config, options.json, () => {
        output.line(table(output, ["id", "name", "version", "runnable", "updated"], [row(config)]));
        for (const line of printFindings(output, config.name, config.config_yaml, config.validation_report))
          output.line(line);
        output.line("");
        output.line(config.config_yaml.trimEnd());
      });
    });

  add("create", "store a pipeline")
    .argument("<file>", "a YAML file; - reads standard input")
    .option("--name <name>", "default the name in the YAML")
    .option("--description <text>", "for people")
    .addHelpText(
      "after",
      "\nPrints the new id. What has findings is stored all the same, and cannot be run until it is updated.\n\nExamples:\n  $ millrace configs create examples/hello.yaml\n  $ millrace configs create - --name hello < examples/hello.yaml",
    )
    .action(async (file: string, options: Common & { name?: string; description?: string }) => {
      const yaml = await readInput(file);
      const config = await connect(options).configs.create({
        config_yaml: yaml,
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(options.description === undefined ? {} : { description: options.description }),
        ...(file === "-" ? {} : { source_path: file }),
      });
      show(config, options.json, () => told(output, file, config));
    });

  add("update", "store a config's next version")
    .argument("<config>", "a config's id or name")
    .argument("<file>", "a YAML file; - reads standard input")
    .addHelpText("after", "\nExample:\n  $ millrace configs update hello examples/hello.yaml")
    .action(async (name: string, file: string, options: Common) => {
      const client = connect(options);
      const config = await client.configs.update((await findConfig(client, name)).id, {
        config_yaml: await readInput(file),
      });
      show(config, options.json, () => told(output, file, config));
    });

  add("delete", "delete a config; past executions keep their snapshot")
    .argument("<config>", "a config's id or name")
    .addHelpText("after", "\nExample:\n  $ millrace configs delete hello")
    .action(async (name: string, options: Common) => {
      const client = connect(options);
      const { id } = await findConfig(client, name);
      await client.configs.delete(id);
      show({ id, deleted: true }, options.json, () => output.line(`deleted ${id}`));
    });

  add("run", "start an execution of a config")
    .argument("<config>", "a config's id or name")
    .option("--payload <json>", "fields of the first message's payload, as a JSON object")
    .addOption(
      new Option("--set <key=value>", "one such field; may be repeated")
        .argParser((value: string, before: string[]) => [...before, value])
        .default([]),
    )
    .option("--tag <tag>", "a name for the execution")
    .option("--idempotency-key <key>", "the same key gives the same execution")
    .option("--watch", "watch it to its end")
    .addHelpText(
      "after",
      "\nPrints the execution's id; with --watch it shows the run and exits as `millrace watch --cancel` does: Ctrl-C once cancels the\nrun, twice leaves at once.\n\nExamples:\n  $ millrace configs run readmes --watch\n  $ millrace configs run hello --tag nightly --set name=you",
    )
    .action(
      async (
        name: string,
        options: Common & { payload?: string; set: string[]; tag?: string; idempotencyKey?: string; watch?: boolean },
      ) => {
        const client = connect(options);
        const payload = readPayload(options.payload, options.set);
        const execution = await client.configs.run((await findConfig(client, name)).id, {
          ...(payload === undefined ? {} : { payload }),
          ...(options.tag === undefined ? {} : { tag: options.tag }),
          ...(options.idempotencyKey === undefined ? {} : { idempotency_key: options.idempotencyKey }),
        });
        if (options.watch) {
          process.exitCode = await watchExecution(
            client,
            execution.id,
            {
              cancel: true,
              ...(options.json && { json: true }),
              ...(options.url === undefined ? {} : { url: options.url }),
            },
            output,
          );
          return;
        }
        show(execution, options.json, () => {
          output.line(execution.id);
          output.note(watchHint(execution, options));
        });
      },
    );
}

function row(config: ConfigSummary): string[] {
  return [config.id, config.name, String(config.version), config.is_runnable ? "yes" : "no", config.updated_at];
}

function told(output: Output, file: string, config: Config): void {
  for (const line of printFindings({ paint: output.paintNote }, file, config.config_yaml, config.validation_report))
    output.note(line);
  output.line(config.id);
  output.note(`${config.name}, version ${config.version}: ${summarizeReport(config.validation_report)}`);
}
