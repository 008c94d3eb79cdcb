import type { AuditList } from "@millrace/protocol";
import { type Command, Option } from "commander";
import { connect, withUrl } from "../connection.ts";
import { UsageError } from "../exit-codes.ts";
import { type Output, table } from "../output.ts";

interface Options {
  readonly url?: string;
  readonly apiKey?: string;
  readonly json?: boolean;
  readonly actor?: string;
  readonly action?: string;
  readonly outcome?: "allowed" | "denied" | "failed";
  readonly limit: string;
}

/** `millrace audit`. */
export function addAudit(program: Command, output: Output): void {
  withUrl(program.command("audit").description("who did what, newest first"))
    .option("--json", "print JSON")
    .option("--actor <actor>", "only of this key, person or session, by id or name")
    .option("--action <action>", "only this action, or those that begin so, as config or config.delete")
    .addOption(new Option("--outcome <outcome>", "only these").choices(["allowed", "denied", "failed"]))
    .option("--limit <n>", "how many", "100")
    .addHelpText(
      "after",
      "\nExamples:\n  $ millrace audit --limit 20\n  $ millrace audit --action key\n  $ millrace audit --outcome denied",
    )
    .action(async ({ actor, action, outcome, limit: text, ...options }: Options) => {
      const limit = Number(text);
      if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
        throw new UsageError(`--limit: expected a whole number from 1 to 1000, got "${text}"`);
      const page = await connect(options).audit.list({ limit, actor, action, outcome });
      if (options.json) output.line(JSON.stringify(page, null, 2));
      else
        output.line(
          table(output, ["at", "who", "action", "target", "outcome", "status", "times", "from"], page.entries.map(row)),
        );
    });
}

function row(entry: AuditList["entries"][number]): string[] {
  return [
    entry.at,
    entry.actor.name,
    entry.action,
    entry.target?.id ?? "–",
    entry.outcome,
    String(entry.status),
    String(entry.count),
    entry.address ?? "–",
  ];
}
