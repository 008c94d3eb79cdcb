import type { Command } from "commander";
import { connect, type ServiceOptions, withUrl } from "../connection.ts";
import { type Output, printable, table } from "../output.ts";

/** `millrace projects`. */
export function addProjects(program: Command, output: Output): void {
  const projects = program.command("projects").description("projects, to which everything else belongs");
  withUrl(projects.command("list").description("list the projects that there is something of"))
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ millrace projects list")
    .action(async (options: ServiceOptions & { readonly json?: boolean }) => {
      const page = await connect(options).projects.list({ limit: 1000 });
      if (options.json) {
        output.line(JSON.stringify(page, null, 2));
        return;
      }
      const rows = page.projects.map((each) => [
        each.configs,
        each.executions,
        each.running,
        each.triggers,
        each.webhooks,
        each.collections,
        printable(each.name),
      ]);
      const head = ["configs", "executions", "running", "triggers", "webhooks", "collections", "name"];
      output.line(table(output, head, rows));
    });
}
