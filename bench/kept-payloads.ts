/**
 * What `keep_payloads: all` costs over `failed`, in turns: `npx node bench/kept-payloads.ts [--quick]`. Each message goes
 * through three adapters that do nothing.
 */
import { runPipeline } from "./journal-pipeline.ts";
import { machine } from "./machine.ts";
import { benchOptions } from "./options.ts";
import { printTable } from "./report.ts";

const { quick } = benchOptions();
const ROUNDS = quick ? 1 : 3;
const RUN = quick ? 300 : 30_000;
const SHAPES = quick ? (["one route"] as const) : (["one route", "three routes"] as const);
const SIZES = quick ? [0] : [0, 1_000, 10_000];
const show = (value: number) => Math.round(value).toLocaleString("en");

console.log(`${machine()}; ${show(RUN)} messages, a third of the largest, the best of ${ROUNDS} rounds, in turns.\n`);
const rows = [];
for (const shape of SHAPES) {
  for (const bytes of SIZES) {
    const messages = Math.min(RUN, bytes > 1_000 ? RUN / 3 : RUN);
    const [failed, all] = [[], []] as [Measured[], Measured[]];
    for (let round = 0; round < ROUNDS; round += 1) {
      failed.push(await runPipeline(messages, 1, shape, "normal", { bytes, keep: "failed" }));
      all.push(await runPipeline(messages, 1, shape, "normal", { bytes, keep: "all" }));
    }
    const [of, over] = [best(failed), best(all)];
    const each = (measured: Measured) => show(measured.databaseBytes / messages);
    rows.push([
      shape,
      bytes === 0 ? "some 15 bytes" : `${show(bytes)} bytes`,
      show(of.rate),
      show(over.rate),
      `${show((1 - over.rate / of.rate) * 100)} %`,
      each(of),
      each(over),
    ]);
  }
}
printTable(
  ["three adapters in", "payload", "`failed`, messages/s", "`all`", "slower by", "`failed`, bytes a message", "`all`"],
  rows,
);

type Measured = Awaited<ReturnType<typeof runPipeline>>;

function best(measured: readonly Measured[]): Measured {
  return measured.reduce((most, each) => (each.rate > most.rate ? each : most));
}
