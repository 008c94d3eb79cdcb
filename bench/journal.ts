/**
 * The journal's append path beside bare SQLite that writes the same bytes, and whole runs through three adapters that do
 * nothing: `npx node bench/journal.ts [--quick]`.
 */
import { EVENTS_PER_MESSAGE, measureAppends } from "./journal-append.ts";
import { measurePipeline } from "./journal-pipeline.ts";
import { machine } from "./machine.ts";
import { benchOptions } from "./options.ts";
import { printTable, report } from "./report.ts";

const { quick } = benchOptions();
const ROUNDS = quick ? 1 : 3;
const APPENDED = quick ? 1_000 : 40_000;
const RUN = quick ? 500 : 30_000;
const EXECUTIONS = quick ? [1, 10] : [1, 10, 1_000];

const best = (rates: readonly number[]) => Math.max(...rates);
const show = (value: number) => Math.round(value).toLocaleString("en");

console.log(`${machine()}; the best of ${ROUNDS} rounds, Millrace and peers in turn.\n`);

const appends = [];
for (const executions of EXECUTIONS) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measureAppends(APPENDED, executions));
  const at = executions === 1 ? "1 execution" : `${executions.toLocaleString("en")} executions at once`;
  const ours = best(rounds.map(({ journal }) => journal));
  const peers = [
    ["bare `node:sqlite`, a row per event", rounds.map(({ rowPerEvent }) => rowPerEvent)],
    ["the same on pages of 16 KiB, as ours", rounds.map(({ rowPerEventLargePages }) => rowPerEventLargePages)],
    ["and a row per group and execution", rounds.map(({ rowPerGroupLargePages }) => rowPerGroupLargePages)],
  ] as const;
  for (const [peerIs, rates] of peers) {
    appends.push({ what: `append, ${at}`, unit: "events/s", ours, peer: best(rates), peerIs });
  }
}
report(appends);
console.log(
  "\nThe peers' frames are encoded before their clock starts; they put and remove the same rows of messages.",
);

console.log();
const runs = [];
for (const executions of EXECUTIONS) {
  for (const shape of ["one route", "three routes"] as const) {
    for (const durability of ["normal", "full"] as const) {
      const rates = [];
      for (let round = 0; round < Math.min(2, ROUNDS); round += 1) {
        rates.push(await measurePipeline(RUN, executions, shape, durability));
      }
      const events = shape === "one route" ? EVENTS_PER_MESSAGE : 9;
      runs.push([
        executions.toLocaleString("en"),
        shape,
        `\`${durability}\``,
        show(best(rates)),
        show(best(rates) * events),
      ]);
    }
  }
}
printTable(["executions at once", "three adapters in", "durability", "messages/s", "events/s"], runs);
