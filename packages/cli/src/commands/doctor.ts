import type { Diagnosis, Finding } from "@millrace/server";
import type { Command } from "commander";
import { apiKeyOf, urlOf } from "../connection.ts";
import { engineRoom } from "../engine-room.ts";
import { widthOf } from "../live/text-width.ts";
import { type Output, printable } from "../output.ts";
import { addSettingFlags, settingSources } from "../setting-flags.ts";

/** How each state is shown: a word, so that it is there without colours as well. */
const SHOWN = {
  ok: ["ok", "green"],
  skipped: ["skipped", "dim"],
  warning: ["warning", "yellow"],
  problem: ["problem", "red"],
} as const;

/** `millrace doctor`. */
export function addDoctor(program: Command, output: Output): void {
  const command = program
    .command("doctor")
    .description("check an installation, whether its service runs or not: what is wrong, and what to do");
  addSettingFlags(command);
  command
    .option("--url <url>", "a running service (MILLRACE_URL; default where the settings say)")
    .option("--deep", "read databases through whatever their size")
    .option("--strict", "let warnings fail as well")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nGive it the settings of the service: the same flags, variables and config file. It changes nothing, and shows no secrets.\nA service that runs is asked with the key in MILLRACE_API_KEY, where it wants one.\nExits with 0 where all is fine, and with 1 where there is a problem; a warning is none without --strict.\n\nExamples:\n  $ millrace doctor\n  $ millrace doctor --config /etc/millrace/millrace.yaml --strict\n  $ millrace doctor --json | jq '.findings[] | select(.status != \"ok\")'",
    )
    .action(async (flags: Record<string, unknown>) => {
      const { url, deep, strict, json, ...rest } = flags;
      const { diagnose } = await engineRoom();
      const named = typeof url === "string" || process.env.MILLRACE_URL;
      const key = apiKeyOf({});
      const diagnosis = await diagnose({
        ...(key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } }),
        sources: settingSources(rest),
        url: named ? urlOf(typeof url === "string" ? { url } : {}) : null,
        deep: deep === true,
      });
      if (json === true) output.line(JSON.stringify(diagnosis, null, 2));
      else print(output, diagnosis);
      const isBad = diagnosis.status === "problem" || (strict === true && diagnosis.status === "warning");
      process.exitCode = isBad ? 1 : 0;
    });
}

function print(output: Output, { findings, version, node_version: node }: Diagnosis): void {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const indent = " ".repeat("problem".length + width + 4);
  // A terminal would break lines anywhere; what reads a pipe wants them whole.
  const room = output.isTerminal ? Math.max(20, output.width - indent.length - 1) : Number.POSITIVE_INFINITY;
  for (const { check, status, message, advice } of findings) {
    const [word, colour] = SHOWN[status];
    const state = output.paint(colour, word.padEnd("problem".length));
    const [first = "", ...more] = broken(printable(message), room);
    output.line(`${state}  ${check.padEnd(width)}  ${first}`);
    for (const line of more) output.line(`${indent}${line}`);
    const [todo = "", ...rest] = advice === null ? [] : broken(printable(advice), room - 2);
    if (todo !== "") output.line(`${indent}${output.paint("bold", "→")} ${todo}`);
    for (const line of rest) output.line(`${indent}  ${line}`);
  }
  output.line("");
  output.line(`${summary(findings)} (Millrace ${version}, Node.js ${node})`);
}

/** A text in lines that are no wider than there is room, but for words that are. */
function broken(text: string, room: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && widthOf(line) + 1 + widthOf(word) <= room) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function summary(findings: readonly Finding[]): string {
  const count = (status: Finding["status"], word: string) => {
    const number = findings.filter((finding) => finding.status === status).length;
    return `${number} ${word}${number === 1 ? "" : "s"}`;
  };
  return `${count("problem", "problem")}, ${count("warning", "warning")}`;
}
