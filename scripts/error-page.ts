import { FINDING_CODES } from "@millrace/engine";
import { ERROR_CODES, MESSAGE_ERROR_CODES } from "@millrace/protocol";
import { adapterNotes } from "./adapter-notes.ts";
import { adapterPageName } from "./adapter-pages.ts";
import { cell } from "./schema-words.ts";

/** The reference of every code that tells what went wrong. */
export function errorPage(note: string): string {
  const answered = Object.entries(ERROR_CODES)
    .filter(([code, { status }]) => status !== 500 || code === "INTERNAL")
    .toSorted(([, { status: a }], [, { status: b }]) => a - b);
  const started = Object.entries(ERROR_CODES).filter(([code, { status }]) => status === 500 && code !== "INTERNAL");
  const adapters = Object.entries(adapterNotes).flatMap(([type, { errors }]) =>
    Object.entries(errors).map(
      ([code, when]) => `| \`${code}\` | [\`${type}\`](../adapters/${adapterPageName(type)}) | ${cell(when)} |`,
    ),
  );
  const findings = Object.entries(FINDING_CODES).map(
    ([code, { severity, title }]) => `| [${code}](findings/${code}.md) | ${severity} | ${cell(title)} |`,
  );
  return `${note}

# Error codes

A code, once published, keeps its meaning; the text beside it may change. Go by codes.

## In answers

\`error_code\` of an answer with a status of 400 or more, but for 422, which lists what does not fit
([the two shapes](../http-api.md#errors)). A command that talks to a service exits with the code in the last column.

| status | code | meaning | exit code |
| ---: | --- | --- | ---: |
${answered.map(([code, { status, exit, summary }]) => `| ${status} | \`${code}\` | ${cell(summary)} | ${exit} |`).join("\n")}

## At the start, and of commands

They keep a service or a command from its work, and stand on stderr.

| code | meaning | exit code |
| --- | --- | ---: |
${started.map(([code, { exit, summary }]) => `| \`${code}\` | ${cell(summary)} | ${exit} |`).join("\n")}

## In failed events

\`error.code\` of a [\`failed\`](events.md#failed) event, of a kept failure and of an execution's \`error_info\`. These come from
the engine:

| code | meaning |
| --- | --- |
${Object.entries(MESSAGE_ERROR_CODES)
  .map(([code, meaning]) => `| \`${code}\` | ${cell(meaning)} |`)
  .join("\n")}

These come from the built-in adapters; an adapter of your own [gives its own](../writing-adapters.md#when-it-fails):

| code | adapter | when |
| --- | --- | --- |
${adapters.join("\n")}

## Findings

What \`millrace validate\` and the API say about a pipeline; [each has a page](findings/README.md) with an example and a way
out.

| code | severity | meaning |
| --- | --- | --- |
${findings.join("\n")}
`;
}
