/**
 * Kills the service again and again, at random instants, with runs of every shape under way and clients of every kind
 * attached, and compares what is left with what must be:
 * `npx node test/faults/campaign.ts [--kills 300] [--seed N] [--workers N]`.
 */
import { parseArgs } from "node:util";
import { killRound, MOST_KILLS_A_ROUND, type RoundReport } from "./kill-round.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "300" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    workers: { type: "string", default: "1" },
  },
});
const kills = Number(values.kills);
const workers = Number(values.workers);
let total: RoundReport | null = null;
for (let left = kills, seed = Number(values.seed); left > 0; left -= MOST_KILLS_A_ROUND, seed += 1) {
  const inRound = Math.min(left, MOST_KILLS_A_ROUND);
  try {
    total = sum(total, await killRound({ seed, kills: inRound, workers }));
  } catch (error) {
    console.error(error);
    console.error(`\nAgain: npx node test/faults/campaign.ts --kills ${inRound} --seed ${seed} --workers ${workers}`);
    process.exit(1);
  }
  console.log(
    `seed ${seed}: ${total.kills} kills (${total.startsKilled} of a start), ${total.terminations} SIGTERM; ${total.executions} executions, ${total.events} events, ${total.compared} seen by ${total.clients} clients, each once`,
  );
}
process.exit(0);

function sum(one: RoundReport | null, other: RoundReport): RoundReport {
  if (one === null) return other;
  return {
    kills: one.kills + other.kills,
    startsKilled: one.startsKilled + other.startsKilled,
    terminations: one.terminations + other.terminations,
    executions: one.executions + other.executions,
    events: one.events + other.events,
    clients: one.clients + other.clients,
    compared: one.compared + other.compared,
  };
}
