import type { Random } from "../../test/support/random.ts";
import { exponential, logNormal } from "./draw.ts";
import type { Load } from "./load.ts";

/** An execution that runs at some moment. */
export interface Running {
  /** Events a second. */
  readonly rate: number;
  /** Seconds of the day. */
  readonly ends: number;
}

/** A moment of a day. */
export interface Moment {
  /** Seconds of the day. */
  readonly at: number;
  readonly running: readonly Running[];
  /** Events a second, over all that runs. */
  readonly events: number;
}

/** A day, minute by minute. */
export interface Day {
  readonly executions: number;
  readonly events: number;
  /** Mean over the day of how many run at once. */
  readonly meanRunning: number;
  /** The moment with the most events a second. */
  readonly busiest: Moment;
  /** Executions that end a second, at the most. */
  readonly mostEndings: number;
}

const DAY_SECONDS = 86_400;
const STEP_SECONDS = 60;

/** Spread of lengths and of events, as the deviation of their logarithm. */
const SPREAD = 1;

/** Runs through a day: executions come at random, more of them at noon than at midnight, and last as long as they last. */
export function simulateDay(load: Load, random: Random): Day {
  // The last of the day before still run when it begins.
  let running: Running[] = [];
  let [executions, events, sum, steps, mostEndings] = [0, 0, 0, 0, 0];
  let busiest: Moment = { at: 0, running: [], events: 0 };
  const mean = load.executionsPerDay / DAY_SECONDS;
  const shape = shapeOfDay(load.peak);
  const warmUp = 20 * load.secondsPerExecution;
  let next = -warmUp + exponential(random, mean * load.peak);
  for (let at = -warmUp; at < DAY_SECONDS; at += STEP_SECONDS) {
    // Thinned: drawn at the peak's rate, and taken with the chance of the hour's.
    while (next < at + STEP_SECONDS) {
      if (random.chance(shape(next) / load.peak)) {
        const seconds = logNormal(random, load.secondsPerExecution, SPREAD);
        const count = logNormal(random, load.eventsPerExecution, SPREAD);
        running.push({ rate: count / seconds, ends: next + seconds });
        if (next >= 0) [executions, events] = [executions + 1, events + count];
      }
      next += exponential(random, mean * load.peak);
    }
    const before = running.length;
    running = running.filter(({ ends }) => ends > at + STEP_SECONDS);
    if (at < 0) continue;
    steps += 1;
    sum += running.length;
    mostEndings = Math.max(mostEndings, (before - running.length) / STEP_SECONDS);
    const rate = running.reduce((total, each) => total + each.rate, 0);
    if (rate > busiest.events) busiest = { at, running: [...running], events: rate };
  }
  return { executions, events, meanRunning: sum / steps, busiest, mostEndings };
}

/**
 * How many times the mean each second of the day has: a wave that is highest at noon, `peak` times the mean, and
 * whose mean is 1.
 */
export function shapeOfDay(peak: number): (second: number) => number {
  // The steeper the wave, the higher it is above its mean.
  let [least, most] = [0, 64];
  for (let halving = 0; halving < 40; halving += 1) {
    const middle = (least + most) / 2;
    if (2 ** middle / meanOf(middle) < peak) least = middle;
    else most = middle;
  }
  const [power, mean] = [least, meanOf(least)];
  return (second) => (1 - Math.cos((2 * Math.PI * second) / DAY_SECONDS)) ** power / mean;
}

function meanOf(power: number): number {
  const points = 1_440;
  let sum = 0;
  for (let point = 0; point < points; point += 1) sum += (1 - Math.cos((2 * Math.PI * point) / points)) ** power;
  return sum / points;
}
