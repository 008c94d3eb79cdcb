/**
 * Harms a service of many nodes again and again, with runs of every shape under way and clients of every kind attached,
 * and compares what is left with what must be: `npx node test/nodes/campaign.ts [--rounds 10] [--faults 8] [--seed N]`.
 */
import { parseArgs } from "node:util";
import { type ChaosReport, chaosRound } from "./chaos-round.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "10" },
    faults: { type: "string", default: "8" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const reports: ChaosReport[] = [];
for (let round = 0; round < Number(values.rounds); round += 1) {
  const seed = Number(values.seed) + round;
  try {
    reports.push(await chaosRound({ seed, count: Number(values.faults) }));
  } catch (error) {
    console.error(error);
    console.error(`\nAgain: npx node test/nodes/campaign.ts --rounds 1 --faults ${values.faults} --seed ${seed}`);
    process.exit(1);
  }
  const total = (of: (report: ChaosReport) => number) => reports.reduce((sum, report) => sum + of(report), 0);
  const faults = new Map<string, number>();
  for (const report of reports)
    for (const [fault, times] of Object.entries(report.faults)) faults.set(fault, (faults.get(fault) ?? 0) + times);
  console.log(
    `seed ${seed}: ${[...faults].map(([fault, times]) => `${times} times ${fault}`).join(", ")}; ${total(({ executions }) => executions)} executions, ${total(({ events }) => events)} events, ${total(({ compared }) => compared)} seen by ${total(({ clients }) => clients)} clients, each once`,
  );
}
process.exit(0);
