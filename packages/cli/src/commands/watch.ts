import { type Command, Option } from "commander";
import { connect, withUrl } from "../connection.ts";
import type { Output } from "../output.ts";
import { type WatchOptions, watchExecution } from "../watch-execution.ts";

/** `millrace watch`. */
export function addWatch(program: Command, output: Output): void {
  withUrl(
    program
      .command("watch")
      .description("watch an execution, from its first event to its end")
      .argument("<id>", "an execution's id or tag")
      .option("--last-event-id <id>", "begin right after this event")
      .addOption(new Option("--since <when>", "begin at the live edge").choices(["now"]))
      .option("--json", "print every event as a line of JSON, and last the end"),
  )
    .addHelpText(
      "after",
      "\nA lost connection is taken up again where it broke off, also over restarts of the service.\nExits with 0 if the run completed, 1 if it failed, 7 if it was cancelled.\n\nExamples:\n  $ millrace watch 01990d6f-0c5e-7000-8000-000000000000\n  $ millrace watch nightly --json | jq 'select(.type == \"failed\")'",
    )
    .action(async (id: string, options: WatchOptions & { url?: string }) => {
      process.exitCode = await watchExecution(connect(options), id, options, output);
    });
}
