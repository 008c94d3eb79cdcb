/**
 * Holds what reads texts of others against ever new ones: `npx node test/fuzz/fuzzers.ts [--minutes 10] [--seed N]
 * [--only PART-OF-A-NAME] [--path PATH]`. It prints the seed and path of what fails, after shrinking it.
 */
import { parseArgs } from "node:util";
import { allFuzzers } from "./all-fuzzers.ts";
import { run } from "./fuzzer.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    only: { type: "string", default: "" },
    path: { type: "string" },
  },
});
const chosen = allFuzzers.filter(({ name }) => name.includes(values.only));
const until = Date.now() + Number(values.minutes) * 60_000;
const counts = new Map<string, number>();
let failures = 0;
for (let seed = Number(values.seed); Date.now() < until && failures < 20; seed += 1) {
  for (const each of chosen) {
    try {
      await run(each, each.runs, seed, values.path);
      counts.set(each.name, (counts.get(each.name) ?? 0) + each.runs);
    } catch (error) {
      failures += 1;
      console.error(
        `${each.name}\n${error}\nAgain: npx node test/fuzz/fuzzers.ts --seed ${seed} --only "${each.name}"`,
      );
    }
  }
  if (values.path !== undefined) break;
}
for (const [name, count] of counts) console.log(`${count} inputs: ${name}`);
process.exit(failures === 0 ? 0 : 1);
