import type { Command } from "commander";
import { adaptersDirOf } from "../adapters-dir.ts";
import { workshop } from "../engine-room.ts";
import type { Output } from "../output.ts";

/** `millrace schema`. */
export function addSchema(program: Command, output: Output): void {
  program
    .command("schema")
    .description("print the JSON Schema of a pipeline's YAML, for editors")
    .option("--adapters-dir <dir>", "a folder with adapters of your own (MILLRACE_ADAPTERS_DIR)")
    .addHelpText(
      "after",
      "\nExample:\n  $ millrace schema > pipeline.schema.json\n  and as a pipeline's first line: # yaml-language-server: $schema=./pipeline.schema.json",
    )
    .action(async (options: { adaptersDir?: string }) => {
      const { createAdapterRegistry, pipelineJsonSchema } = await workshop();
      const registry = await createAdapterRegistry({
        adaptersDir: adaptersDirOf(options),
        baseDir: process.cwd(),
      });
      output.line(JSON.stringify(pipelineJsonSchema(registry.list()), null, 2));
    });
}
