import type { Command } from "commander";
import { adaptersDirOf } from "../adapters-dir.ts";
import { workshop } from "../engine-room.ts";
import { UsageError } from "../exit-codes.ts";
import { printFindings, summarizeReport } from "../findings-printer.ts";
import { readInput } from "../input.ts";
import type { Output } from "../output.ts";
import { pipelineValues } from "../pipeline-values.ts";

/** `millrace validate`. */
export function addValidate(program: Command, output: Output): void {
  program
    .command("validate")
    .description("check pipelines, and print all findings like a compiler")
    .argument("<file...>", "YAML files; - reads standard input")
    .option("--adapters-dir <dir>", "a folder with adapters of your own (MILLRACE_ADAPTERS_DIR)")
    .option("--json", "print the reports as one JSON array")
    .addHelpText(
      "after",
      "\nExits with 3 if there is an error; warnings are none. A file that cannot be read is told on stderr, and the exit code is 2.\n\nExamples:\n  $ millrace validate examples/*.yaml\n  $ millrace validate --json pipeline.yaml | jq '.[0].issues'",
    )
    .action(async (files: string[], options: { adaptersDir?: string; json?: boolean }) => {
      const { createAdapterRegistry, loadDefinition } = await workshop();
      const adapters = await createAdapterRegistry({
        adaptersDir: adaptersDirOf(options),
        baseDir: process.cwd(),
      });
      const values = await pipelineValues(process.env, (text) => output.note(`millrace: ${text}`));
      const reports = [];
      let unread = false;
      for (const file of files) {
        let source: string;
        try {
          source = await readInput(file);
        } catch (error) {
          if (!(error instanceof UsageError)) throw error;
          // The others are checked all the same: a wrong name must not hide their findings.
          output.note(`millrace: ${error.message}`);
          unread = true;
          continue;
        }
        const { report } = await loadDefinition(source, {
          adapters,
          env: process.env,
          ...(values && { source: values }),
        });
        reports.push({ file, ...report });
        if (options.json) continue;
        for (const line of printFindings(output, file, source, report)) output.line(line);
        output.line(`${file}: ${summarizeReport(report)}`);
      }
      if (options.json) output.line(JSON.stringify(reports, null, 2));
      process.exitCode = unread ? 2 : reports.every((report) => report.is_valid) ? 0 : 3;
    });
}
