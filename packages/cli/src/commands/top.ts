import type { Command } from "commander";
import { connect, urlOf, withUrl } from "../connection.ts";
import type { Output } from "../output.ts";
import { RunList } from "../top/run-list.ts";
import { runColumns } from "../top/run-rows.ts";
import { TopScreen } from "../top/top-screen.ts";

interface Options {
  readonly url?: string;
  readonly project?: string;
  readonly once?: boolean;
  readonly json?: boolean;
}

/** `millrace top`. */
export function addTop(program: Command, output: Output): void {
  withUrl(
    program
      .command("top")
      .description("show all runs of a service, live: what they have done, how fast they go, what failed")
      .option("--once", "print them once, as into a pipe")
      .option("--json", "print them once, as JSON: executions, each with its progress"),
  )
    .addHelpText("after", HELP)
    .action(async (options: Options) => {
      const client = connect(options);
      if (!options.once && !options.json && output.isTerminal) {
        if (await new TopScreen(client, urlOf(options), output).show()) process.exitCode = 130;
        // A stream or a request may still be open: nobody waits for it any more.
        process.exit();
      }
      const list = new RunList(client, () => undefined);
      await list.once();
      const { runs, total } = list;
      if (options.json) {
        const executions = runs.map(({ execution, progress }) => ({ ...execution, progress }));
        output.line(JSON.stringify({ total, executions }, null, 2));
        return;
      }
      const width = output.isTerminal ? output.width : Number.POSITIVE_INFINITY;
      const table = runColumns(output, runs, width, Date.now());
      output.line(output.paint("bold", table.head));
      for (const run of runs) output.line(table.line(run));
      if (total > runs.length) output.note(`${total} in all; millrace executions list shows more.`);
    });
}

const HELP = `
Runs that go on come first, by how much goes on in them; then those that are over, the newest first: the newest hundred, and
all that are not over.

Keys: arrows or j and k select a run, enter opens its table and escape closes it, c cancels it once y has confirmed that, f
shows all runs, or only the active ones, or only those with failures, / finds by id, tag or config, q leaves.

Examples:
  $ millrace top
  $ millrace top --once
  $ millrace top --json | jq -r '.executions[] | select(.progress.failed > 0) | .id'`;
