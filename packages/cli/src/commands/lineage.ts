import { ApiError } from "@millrace/client";
import type { LineageNode, LineageStory } from "@millrace/protocol";
import type { Command } from "commander";
import { connect, withUrl } from "../connection.ts";
import { UsageError } from "../exit-codes.ts";
import { fetchTree, treeLines } from "../lineage-tree.ts";
import { type Output, printable, table } from "../output.ts";

/** Waits so long where the service does not say. */
const RETRY_MS = 2_000;

interface LineageOptions {
  readonly url?: string;
  readonly project?: string;
  readonly json?: boolean;
  readonly back?: boolean;
  readonly execution?: string;
  readonly width: string;
  readonly depth: string;
  readonly limit: string;
}

/** `millrace lineage`. */
export function addLineage(program: Command, output: Output): void {
  withUrl(
    program
      .command("lineage")
      .description("show what became of a message, and the tree of all that came of it")
      .argument("<id>", "a message's id; or an execution's id or tag, for its first message")
      .option("--back", "the tree of what it comes from, in place of what came of it")
      .option("--execution <id>", "look in this execution: its id or tag")
      .option("--width <n>", "show so many children of a message (1…1000)", "10")
      .option("--depth <n>", "show so many generations (1…1000)", "20")
      .option("--limit <n>", "show so many messages in all (1…10000)", "200")
      .option("--json", "print JSON: the message's story, with the tree as relatives"),
  )
    .addHelpText(
      "after",
      "\nWhat the bounds leave out is told as a number. A message that came of a batch has all that were gathered as parents.\n\nExamples:\n  $ millrace lineage nightly\n  $ millrace lineage 01990d6f-0c5e-8000-8000-000000000000 --back\n  $ millrace lineage nightly --json | jq -r '.relatives[].message.correlation_id'",
    )
    .action(async (id: string, options: LineageOptions) => {
      const bounds = {
        width: bound("--width", options.width, 1_000),
        depth: bound("--depth", options.depth, 1_000),
        messages: bound("--limit", options.limit, 10_000),
      };
      const client = connect(options);
      const back = options.back === true;
      const story = await patiently(output, () => findStory(client, id, options.execution));
      const { stages, parent_messages, emitted, root_correlation_id, ...message } = story;
      const tree = await fetchTree(client, message, { ...bounds, back });
      if (options.json) {
        output.line(JSON.stringify({ story, ...tree }, null, 2));
        return;
      }
      for (const line of storyLines(story, output)) output.line(line);
      output.line("");
      for (const line of treeLines(tree, (each) => describe(each, output))) output.line(line);
    });
}

/** The message's story; of an execution, its first message's. */
async function findStory(
  client: ReturnType<typeof connect>,
  id: string,
  execution: string | undefined,
): Promise<LineageStory> {
  if (execution !== undefined) return client.lineage.get(id, { execution_id: execution });
  const found = await client.executions.get(id).catch((error) => {
    if (error instanceof ApiError && error.code === "EXECUTION_NOT_FOUND") return null;
    throw error;
  });
  return found === null
    ? client.lineage.get(id)
    : client.lineage.get(found.root_correlation_id, { execution_id: found.id });
}

/** Asks again while the service is still reading the lineage off the journal: a long run's takes its time. */
async function patiently<T>(output: Output, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "LINEAGE_NOT_READY") throw error;
      output.note("The lineage is still being read off the journal …");
      await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs ?? RETRY_MS));
    }
  }
}

function storyLines(story: LineageStory, output: Output): string[] {
  const rows = story.stages.map((stage) => [
    stage.stage_name,
    stage.metadata.attempt,
    stage.stage_status,
    stage.started_at ?? "–",
    stage.duration_ms ?? "–",
    stage.error_info === null ? "" : `${stage.error_info.code}: ${stage.error_info.message}`,
  ]);
  return [
    `message    ${story.correlation_id}`,
    `execution  ${story.execution_id}`,
    `parents    ${story.parents}`,
    `children   ${story.children}`,
    "",
    table(output, ["stage", "attempt", "status", "started", "ms", "error"], rows),
  ];
}

function describe(message: LineageNode, output: Output): string {
  const status =
    message.status === "completed"
      ? output.paint("green", message.status)
      : message.status === "failed"
        ? output.paint("red", message.status)
        : output.paint("yellow", message.status);
  const parts = [
    output.paint("bold", printable(message.route_id)),
    message.correlation_id,
    status,
    ...(message.duration_ms === null ? [] : [`${message.duration_ms} ms`]),
    ...(message.attempts > 1 ? [`attempt ${message.attempts}`] : []),
    ...(message.error_info === null ? [] : [printable(message.error_info.code)]),
    ...(message.batched_into === null ? [] : [`batched into ${message.batched_into}`]),
  ];
  return parts.join("  ");
}

function bound(option: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new UsageError(`${option}: expected a whole number from 1 to ${most}, got "${text}"`);
}
