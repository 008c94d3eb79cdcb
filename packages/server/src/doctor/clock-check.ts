import type { Check, CheckContext } from "./check.ts";
import { type Found, ok, problem, warning } from "./finding.ts";
import { spanInWords } from "./words.ts";

/** By which clocks may differ: below it nobody notices. */
const UNNOTICED_MS = 2_000;
/** Beyond it servers of buckets refuse what is signed, and times in lists are in a wrong order. */
const TOO_MUCH_MS = 60_000;

/** This process's start by both clocks: a wall clock that is set afterwards parts from the other. */
const WALL = Date.now();
const STEADY = performance.now();

/** This machine's clock against others, what was written before, and itself. */
export const clockCheck: Check = {
  name: "clock",
  run(context) {
    const others = othersOf(context);
    const found = others.flatMap(([who, skew]) => apart(who, skew));
    const jump = Date.now() - WALL - (performance.now() - STEADY);
    if (Math.abs(jump) > UNNOTICED_MS) {
      found.push(
        warning(
          `The clock was set by ${spanInWords(Math.abs(jump))} while this ran.`,
          "Let NTP slew it: triggers of times that are skipped or repeated are late or early by as much.",
        ),
      );
    }
    found.push(...behindFiles(context));
    if (found.length > 0) return found;
    return [
      ok(
        others.length === 0
          ? "The clock is steady."
          : `The clock agrees with ${others.map(([who]) => who).join(" and ")}.`,
      ),
    ];
  },
};

/** Who has a clock, and by how many milliseconds it is ahead of this machine's. */
function othersOf({ postgres, service }: CheckContext): [string, number][] {
  const others: [string, number][] = [];
  if (postgres?.kind === "reached") others.push(["the database's", postgres.skewMs]);
  if (service?.kind === "answered" && service.skewMs !== null) others.push(["the service's", service.skewMs]);
  return others;
}

function apart(who: string, skewMs: number): Found[] {
  if (Math.abs(skewMs) <= UNNOTICED_MS) return [];
  const message = `The clock is ${spanInWords(Math.abs(skewMs))} ${skewMs > 0 ? "behind" : "ahead of"} ${who}.`;
  const advice = "Set both by NTP (timedatectl set-ntp true).";
  return [Math.abs(skewMs) > TOO_MUCH_MS ? problem(message, advice) : warning(message, advice)];
}

/** What was written last was not written in the future. */
function behindFiles({ dataDirProbe }: CheckContext): Found[] {
  const newest = Math.max(0, ...(dataDirProbe?.files.map(({ writtenAt }) => writtenAt) ?? []));
  const behind = newest - Date.now();
  if (behind <= UNNOTICED_MS) return [];
  return [
    problem(
      `The clock is ${spanInWords(behind)} behind the time at which the database was last written: it was set back, or has lost its battery.`,
      "Set it (timedatectl set-ntp true) before the service starts: cron triggers would fire again.",
    ),
  ];
}
