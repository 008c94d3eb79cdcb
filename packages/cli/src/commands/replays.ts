import { type JsonObject, type ReplayBody, replaySourceSchema } from "@millrace/protocol";
import { type Command, Option } from "commander";
import { connect, withUrl } from "../connection.ts";
import { UsageError } from "../exit-codes.ts";
import { findConfig } from "../find-config.ts";
import { readInput } from "../input.ts";
import { type Output, table } from "../output.ts";

interface ReplayOptions {
  readonly url?: string;
  readonly json?: boolean;
  readonly source: ReplayBody["replay_source"];
  readonly from?: string;
  readonly path?: string;
  readonly to: string;
  readonly payloads?: string;
  readonly config?: string;
  readonly tag?: string;
}

/** `millrace executions replay` and `millrace executions replays`. */
export function addReplays(executions: Command, output: Output): void {
  const add = (name: string, description: string) =>
    withUrl(executions.command(name).description(description))
      .argument("<id>", "an execution's id or tag")
      .option("--json", "print JSON");

  add("replay", "do a part of an execution again, in a new one")
    .requiredOption("--to <route>", "the route that the messages go into")
    .addOption(
      new Option("--source <source>", "stored objects, kept messages, or payloads of your own")
        .choices(replaySourceSchema.options)
        .default("storage"),
    )
    .option("--from <stage>", "storage: a stage, or route/stage; lineage: a route")
    .option("--path <prefix>", "storage: only objects whose names begin so")
    .option("--payloads <file>", "manual: a JSON array of payloads; - reads standard input")
    .option("--config <config>", "by another config, its id or name, than the execution's own pipeline")
    .option("--tag <tag>", "a name for the execution that is started")
    .addHelpText(
      "after",
      "\nExamples:\n  $ millrace executions replay nightly --from pages --to index\n  $ millrace executions replay nightly --source lineage --from fetch --to fetch --config nightly\n  $ millrace executions replay nightly --source manual --payloads pages.json --to index --tag by-hand",
    )
    .action(async (id: string, options: ReplayOptions) => {
      if (options.source !== "manual" && options.from === undefined)
        throw new UsageError(`--from: say which ${options.source === "storage" ? "stage" : "route"}`);
      if (options.source === "manual" && options.payloads === undefined)
        throw new UsageError("--payloads: name a file with a JSON array of payloads");
      const client = connect(options);
      const execution = await client.executions.replay(id, {
        replay_source: options.source,
        to_route: options.to,
        ...(options.from === undefined ? {} : { from_stage: options.from }),
        ...(options.path === undefined ? {} : { from_path: options.path }),
        ...(options.payloads === undefined ? {} : { payloads: await readPayloads(options.payloads) }),
        ...(options.config === undefined ? {} : { config_id: (await findConfig(client, options.config)).id }),
        ...(options.tag === undefined ? {} : { tag: options.tag }),
      });
      if (options.json) return output.line(JSON.stringify(execution, null, 2));
      output.line(execution.id);
      output.note(`Watch it: millrace watch ${execution.tag ?? execution.id}`);
    });

  add("replays", "list the executions that replay an execution, or retry messages of it")
    .option("--limit <n>", "how many", "20")
    .option("--offset <n>", "how many to skip", "0")
    .addHelpText("after", "\nExample:\n  $ millrace executions replays nightly")
    .action(async (id: string, options: { url?: string; json?: boolean; limit: string; offset: string }) => {
      const page = await connect(options).executions.replays(id, {
        limit: Number(options.limit),
        offset: Number(options.offset),
      });
      if (options.json) return output.line(JSON.stringify(page, null, 2));
      const rows = page.replays.map(({ id: replay, replay_source: source, status, started_at: at, tag }) => [
        replay,
        source ?? "–",
        status,
        at,
        tag ?? "",
      ]);
      output.line(table(output, ["id", "source", "status", "started", "tag"], rows));
      if (page.has_more) output.note(`${page.total} in all; --limit and --offset show more.`);
    });
}

async function readPayloads(file: string): Promise<JsonObject[]> {
  const text = await readInput(file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(
      `--payloads: expected a JSON array of objects: ${error instanceof Error ? error.message : error}`,
    );
  }
  if (!Array.isArray(value)) throw new UsageError("--payloads: expected a JSON array of objects");
  // The service checks each of them.
  return value as JsonObject[];
}
