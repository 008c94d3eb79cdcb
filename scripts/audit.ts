/**
 * Holds `npm audit` to the advisories that scripts/audit-exceptions.json explains: `node scripts/audit.ts`. Exits with 1 for one that
 * is not explained, or whose explanation has run out; with 0, and a word about it, where the registry has no such service.
 * With `--required` that is 1 as well.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** Advisories that do not reach us, each with the reason and the day on which it is to be looked at again. */
export const exceptionsSchema = z.array(
  z.strictObject({
    advisory: z.string().regex(/^GHSA(-[23456789cfghjmpqrvwx]{4}){3}$/),
    package: z.string().min(1),
    why: z.string().min(20),
    until: z.iso.date(),
  }),
);

/** @see exceptionsSchema */
export type Exceptions = z.infer<typeof exceptionsSchema>;

const advisorySchema = z.looseObject({ name: z.string(), title: z.string(), url: z.string(), severity: z.string() });

const reportSchema = z.object({
  vulnerabilities: z.record(z.string(), z.looseObject({ via: z.array(z.union([z.string(), advisorySchema])) })),
});

/** What there is to say of a report of `npm audit --json`: each line is an advisory that nobody has explained. */
export function unexplained(report: unknown, exceptions: Exceptions, today: string): string[] {
  const { vulnerabilities } = reportSchema.parse(report);
  const lines = Object.values(vulnerabilities).flatMap(({ via }) =>
    via.flatMap((each) => {
      if (typeof each === "string") return [];
      const id = each.url.split("/").at(-1) ?? "";
      const exception = exceptions.find(({ advisory, package: name }) => advisory === id && name === each.name);
      if (exception !== undefined && exception.until >= today) return [];
      const late = exception === undefined ? "" : ` (its explanation ran out on ${exception.until})`;
      return [`${each.name}: ${each.title}, ${each.severity}, ${each.url}${late}`];
    }),
  );
  return [...new Set(lines)];
}

/** The explanations that are kept. */
export function keptExceptions(): Exceptions {
  return exceptionsSchema.parse(JSON.parse(readFileSync(join(import.meta.dirname, "audit-exceptions.json"), "utf8")));
}

if (import.meta.main) {
  const { stdout } = spawnSync("npm", ["audit", "--json"], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const report: unknown = JSON.parse(stdout || "{}");
  if (!reportSchema.safeParse(report).success) {
    console.error(`npm audit gives no report: ${JSON.stringify(report).slice(0, 200)}`);
    process.exit(process.argv.includes("--required") ? 1 : 0);
  }
  const lines = unexplained(report, keptExceptions(), new Date().toISOString().slice(0, 10));
  for (const line of lines) console.error(line);
  console.log(`${lines.length} advisories are not explained.`);
  process.exitCode = lines.length === 0 ? 0 : 1;
}
