import { ApiError } from "@millrace/client";
import { MillraceError } from "@millrace/protocol";
import { Command, CommanderError } from "commander";
import { addAdapters } from "./commands/adapters.ts";
import { addAudit } from "./commands/audit.ts";
import { addBackup } from "./commands/backup.ts";
import { addCompletion } from "./commands/completion.ts";
import { addConfigs } from "./commands/configs.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addExecutions } from "./commands/executions.ts";
import { addKeys } from "./commands/keys.ts";
import { addLineage } from "./commands/lineage.ts";
import { addObjects } from "./commands/objects.ts";
import { addProjects } from "./commands/projects.ts";
import { addRun } from "./commands/run.ts";
import { addSchema } from "./commands/schema.ts";
import { addSearch } from "./commands/search.ts";
import { addServe } from "./commands/serve.ts";
import { addTop } from "./commands/top.ts";
import { addTriggers } from "./commands/triggers.ts";
import { addValidate } from "./commands/validate.ts";
import { addWatch } from "./commands/watch.ts";
import { addWebhooks } from "./commands/webhooks.ts";
import { addWork } from "./commands/work.ts";
import { EXIT_CODES, exitCodeOf, UsageError } from "./exit-codes.ts";
import { type Output, processOutput } from "./output.ts";
import { VERSION } from "./version.ts";

/** The command line. */
export function createProgram(output: Output): Command {
  const program = new Command("millrace")
    .description("Run message pipelines, and watch them run, live.")
    .version(VERSION, "-V, --version")
    .showHelpAfterError("(add --help for help)")
    .addHelpText(
      "after",
      `\nTo begin with:\n  $ millrace run examples/readmes.yaml\n  $ millrace serve\n\nExit codes:\n${Object.entries(
        EXIT_CODES,
      )
        .map(([code, meaning]) => `  ${code.padStart(3)}  ${meaning}`)
        .join("\n")}`,
    );
  addServe(program, output);
  addWork(program, output);
  addRun(program, output);
  addWatch(program, output);
  addTop(program, output);
  addValidate(program, output);
  addAdapters(program, output);
  addSchema(program, output);
  addConfigs(program, output);
  addExecutions(program, output);
  addTriggers(program, output);
  addWebhooks(program, output);
  addKeys(program, output);
  addAudit(program, output);
  addBackup(program, output);
  addDoctor(program, output);
  addLineage(program, output);
  addObjects(program, output);
  addSearch(program, output);
  addProjects(program, output);
  addCompletion(program, output);
  exitByThrowing(program);
  return program;
}

/** So that a wrong command line has the documented exit code. */
function exitByThrowing(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) exitByThrowing(child);
}

/** Runs the command line of this process. */
export async function main(): Promise<void> {
  const output = processOutput();
  try {
    await createProgram(output).parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
    report(output, error);
    process.exit(exitCodeOf(error));
  }
}

function report(output: Output, error: unknown): void {
  if (error instanceof MillraceError || error instanceof ApiError || error instanceof UsageError) {
    for (const line of error.message.split("\n")) output.note(`millrace: ${line}`);
    if (error instanceof ApiError && error.code === "UNAUTHENTICATED")
      output.note(
        "millrace: Commands take their key from MILLRACE_API_KEY; whoever has one of the scope admin makes more.",
      );
    return;
  }
  output.note(`millrace: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
}
