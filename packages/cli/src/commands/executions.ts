import { ApiError, type Client } from "@millrace/client";
import {
  type Execution,
  type ExecutionDetail,
  type ExecutionStatus,
  executionStatusSchema,
  isTerminal,
} from "@millrace/protocol";
import { type Command, Option } from "commander";
import { connect, withUrl } from "../connection.ts";
import { exitCodeOfStatus } from "../exit-codes.ts";
import { findConfig } from "../find-config.ts";
import { type Output, printable, table } from "../output.ts";
import { addFailures } from "./failures.ts";
import { addReplays } from "./replays.ts";

interface Common {
  readonly url?: string;
  readonly project?: string;
  readonly json?: boolean;
}

/** `millrace executions …`. */
export function addExecutions(program: Command, output: Output): void {
  const executions = program.command("executions").description("the runs of a service");
  const add = (name: string, description: string) =>
    withUrl(executions.command(name).description(description)).option("--json", "print JSON");
  const show = (value: unknown, json: boolean | undefined, human: () => void) =>
    json ? output.line(JSON.stringify(value, null, 2)) : human();

  add("list", "list executions, newest first")
    .addOption(new Option("--status <status...>", "only those").choices(executionStatusSchema.options))
    .option("--config <config>", "only those of a config, by its id or name")
    .option("--tag <tag>", "only the one with the tag")
    .option("--search <words>", "only those with all these words in the tag or the config's name, or beginning the id")
    .option("--limit <n>", "how many", "20")
    .option("--offset <n>", "how many to skip", "0")
    .addHelpText(
      "after",
      "\nExamples:\n  $ millrace executions list --status running interrupted\n  $ millrace executions list --search readmes\n  $ millrace executions list --json --limit 1000 | jq -r '.executions[].id'",
    )
    .action(
      async (
        options: Common & {
          status?: ExecutionStatus[];
          config?: string;
          tag?: string;
          search?: string;
          limit: string;
          offset: string;
        },
      ) => {
        const client = connect(options);
        const page = await client.executions.list({
          limit: Number(options.limit),
          offset: Number(options.offset),
          ...(options.status === undefined ? {} : { status: options.status }),
          ...(options.config === undefined ? {} : { config_id: await configId(client, options.config) }),
          ...(options.tag === undefined ? {} : { tag: options.tag }),
          ...(options.search === undefined ? {} : { search: options.search }),
        });
        show(page, options.json, () => {
          output.line(table(output, ["id", "pipeline", "status", "started", "tag"], page.executions.map(row)));
          if (page.has_more) output.note(`${page.total} in all; --limit and --offset show more.`);
        });
      },
    );

  add("get", "show an execution")
    .argument("<id>", "an execution's id or tag")
    .addHelpText("after", "\nExample:\n  $ millrace executions get nightly")
    .action(async (id: string, options: Common) => {
      const client = connect(options);
      const execution = await client.executions.get(id);
      if (options.json) {
        output.line(JSON.stringify(execution, null, 2));
        return;
      }
      const stats = await client.executions.stats(id);
      output.line(table(output, ["id", "pipeline", "status", "started", "tag"], [row(execution)]));
      if (execution.error_info !== null)
        output.line(`${execution.error_info.code}: ${printable(execution.error_info.message)}`);
      for (const recovery of execution.recoveries) output.line(tellRecovery(recovery));
      output.line("");
      const rows = stats.routes.map((route) => [
        route.route,
        route.total_messages,
        route.completed_messages,
        route.failed_messages,
        route.in_progress_messages,
        route.duration_ms.p50 ?? "–",
        route.duration_ms.p95 ?? "–",
      ]);
      output.line(table(output, ["route", "messages", "done", "failed", "open", "p50 ms", "p95 ms"], rows));
    });

  add("cancel", "cancel an execution; running adapters are told to stop")
    .argument("<id>", "an execution's id or tag")
    .addHelpText("after", "\nExample:\n  $ millrace executions cancel nightly")
    .action(async (id: string, options: Common) => {
      const result = await connect(options).executions.cancel(id);
      show(result, options.json, () => output.line(result.message));
    });

  add("wait", "wait for an execution's end")
    .argument("<id>", "an execution's id or tag")
    .option("--timeout <seconds>", "the longest to wait (1…3600)", "300")
    .addHelpText(
      "after",
      "\nExits with 0 if the run completed, 1 if it failed or is not over in time, 7 if it was cancelled.\n\nExample:\n  $ millrace executions wait nightly --timeout 3600 && echo done",
    )
    .action(async (id: string, options: Common & { timeout: string }) => {
      const result = await connect(options).executions.wait(id, Number(options.timeout));
      show(result, options.json, () =>
        output.line(
          `${result.message} ${result.stats.completed_messages} messages done, ${result.stats.failed_messages} failed.`,
        ),
      );
      process.exitCode = isTerminal(result.status) ? exitCodeOfStatus(result.status) : 1;
    });

  add("delete", "delete an execution that is over, with its journal and objects")
    .argument("<id>", "an execution's id or tag")
    .addHelpText("after", "\nExample:\n  $ millrace executions delete nightly")
    .action(async (id: string, options: Common) => {
      await connect(options).executions.delete(id);
      show({ id, deleted: true }, options.json, () => output.line(`deleted ${id}`));
    });

  addFailures(executions, output);
  addReplays(executions, output);
}

function tellRecovery({ at, redone, ...before }: ExecutionDetail["recoveries"][number]): string {
  const again = `taken up again ${at} with ${redone} message${redone === 1 ? "" : "s"} begun again`;
  if (before.interrupted_at === null) return again;
  const interrupted =
    before.interrupted_by === "shutdown"
      ? `interrupted ${before.interrupted_at} by a shutdown`
      : `interrupted after ${before.interrupted_at}, when its process went without a word`;
  const heldUp = before.held_up_by === null ? "" : ` (not at once: ${printable(before.held_up_by)})`;
  return `${interrupted}, ${again}${heldUp}`;
}

/** A deleted config is not found any more, but executions still have its id. */
async function configId(client: Client, idOrName: string): Promise<string> {
  try {
    return (await findConfig(client, idOrName)).id;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return idOrName;
    throw error;
  }
}

function row(execution: Execution): string[] {
  return [execution.id, execution.config_name ?? "–", execution.status, execution.started_at, execution.tag ?? ""];
}
