/**
 * Hours of mixed load on a service, and whether it stays as it was: memory, handles and latency flat, no event lost or
 * doubled, nothing stuck. `npx node test/soak/soak.ts --minutes 240 [--nodes] [--workers N] [--runs N] [--calls N]
 * [--seed N] [--folder DIR]`. Writes `samples.csv` and `summary.json` into the folder; ends with 1 where something is wrong.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    nodes: { type: "boolean", default: false },
    workers: { type: "string", default: "1" },
    runs: { type: "string", default: "3" },
    calls: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    "sample-seconds": { type: "string", default: "10" },
    "restart-minutes": { type: "string", default: "5" },
    retain: { type: "string", default: "200" },
    folder: { type: "string" },
  },
});
// Read when what starts services is loaded.
if (values.nodes) process.env.TEST_STACK = "nodes";
const { soak } = await import("./soak-run.ts");
const folder = values.folder ?? mkdtempSync(join(tmpdir(), "millrace-soak-"));
console.log(`seed ${values.seed}; samples and summary go to ${folder}`);
const report = await soak(
  {
    minutes: Number(values.minutes),
    seed: Number(values.seed),
    workers: Number(values.workers),
    runs: Number(values.runs),
    calls: Number(values.calls),
    sampleSeconds: Number(values["sample-seconds"]),
    restartMinutes: Number(values["restart-minutes"]),
    retain: Number(values.retain),
    folder,
  },
  console.log,
);
for (const { of, name, slope, samples, grown, allowed, flat, unjudged } of report.judged) {
  const figures = [slope.perHour, slope.atLeast, slope.atMost].map((value) => value.toFixed(2));
  console.log(
    `${flat ? "flat    " : unjudged ? "busier  " : "NOT FLAT"} ${of || "service"} ${name}: median ${slope.median.toFixed(1)}, ${figures[0]} an hour (95 %: ${figures[1]} to ${figures[2]}), ${samples} samples; grown by ${grown.toFixed(1)} at the least, ${allowed.toFixed(1)} allowed`,
  );
}
console.log(JSON.stringify(report.counts, null, 1));
for (const failure of report.failures) console.log(`FAILED ${failure}`);
console.log(report.sound ? "sound" : "not sound");
process.exit(report.sound ? 0 : 1);
