import {
  type JsonObject,
  type JsonValue,
  type ReplayBody,
  replayedStatusSchema,
  replaySourceSchema,
} from "@millrace/protocol";
import { type Command, InvalidArgumentError, Option } from "commander";
import { connect, watchHint, withUrl } from "../connection.ts";
import { UsageError } from "../exit-codes.ts";
import { findConfig } from "../find-config.ts";
import { readInput } from "../input.ts";
import { type Output, table } from "../output.ts";

interface ReplayOptions {
  readonly url?: string;
  readonly project?: string;
  readonly json?: boolean;
  readonly source: ReplayBody["replay_source"];
  readonly from?: string;
  readonly path?: string;
  readonly to: string;
  readonly payloads?: string;
  readonly status: NonNullable<ReplayBody["message_status"]>;
  readonly limit?: string;
  readonly offset?: string;
  readonly skipMissing?: boolean;
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
      new Option("--source <source>", "stored objects, messages of a route, or payloads of your own")
        .choices(replaySourceSchema.options)
        .default("storage"),
    )
    .option("--from <stage>", "storage: a stage, or route/stage; lineage: a route")
    .option("--path <prefix>", "storage: only objects whose names begin so")
    .addOption(
      new Option("--status <status>", "lineage: only messages that completed, failed, or were pending; may be repeated")
        .argParser(collectStatus)
        .default([], "all"),
    )
    .option("--limit <n>", "lineage: so many messages at most")
    .option("--offset <n>", "lineage: without the first ones, so many")
    .option("--skip-missing", "lineage: also where payloads of some messages are not kept")
    .option("--payloads <file>", "manual: a JSON array of payloads; - reads standard input")
    .option("--config <config>", "by another config, its id or name, than the execution's own pipeline")
    .option("--tag <tag>", "a name for the execution that is started")
    .addHelpText(
      "after",
      "\nExamples:\n  $ millrace executions replay nightly --from pages --to index\n  $ millrace executions replay nightly --source lineage --from fetch --to fetch --config nightly\n  $ millrace executions replay nightly --source lineage --from fetch --to fetch --status pending\n  $ millrace executions replay nightly --source manual --payloads pages.json --to index --tag by-hand",
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
        ...(options.status.length === 0 ? {} : { message_status: options.status }),
        ...(options.limit === undefined ? {} : { limit: Number(options.limit) }),
        ...(options.offset === undefined ? {} : { offset: Number(options.offset) }),
        ...(options.skipMissing ? { skip_missing: true } : {}),
        ...(options.payloads === undefined ? {} : { payloads: await readPayloads(options.payloads) }),
        ...(options.config === undefined ? {} : { config_id: (await findConfig(client, options.config)).id }),
        ...(options.tag === undefined ? {} : { tag: options.tag }),
      });
      if (options.json) return output.line(JSON.stringify(execution, null, 2));
      output.line(execution.id);
      const { messages, remaining } = replayed(execution.metadata.replay);
      if (messages !== null) output.note(`It begins with ${messages} message${messages === 1 ? "" : "s"}.`);
      if (remaining !== null && remaining > 0) output.note(`${remaining} more are left for another, with --offset.`);
      output.note(watchHint(execution, options));
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

function collectStatus(value: string, before: ReplayOptions["status"]): ReplayOptions["status"] {
  const status = replayedStatusSchema.safeParse(value);
  if (status.success) return [...before, status.data];
  throw new InvalidArgumentError(`Allowed choices are ${replayedStatusSchema.options.join(", ")}.`);
}

/** What the service says of a replay. */
function replayed(said: JsonValue | undefined): { messages: number | null; remaining: number | null } {
  const { messages, remaining } = typeof said === "object" && said !== null && !Array.isArray(said) ? said : {};
  const number = (value: JsonValue | undefined) => (typeof value === "number" ? value : null);
  return { messages: number(messages), remaining: number(remaining) };
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
