import { parseArgs } from "node:util";

/** What every command of the benchmarks takes. */
export interface BenchOptions {
  /** A smoke test: everything small and short, with figures that mean nothing. */
  readonly quick: boolean;
  /** Names of the peers to measure, in parts; without it all. Ours is always measured: `none` leaves it alone. */
  readonly only: readonly string[];
  /** Subscribers. */
  readonly subscribers: number | null;
  /** How long a stretch takes. */
  readonly seconds: number | null;
  /** Events of the run that is read, or published. */
  readonly events: number | null;
  /** What a peer's delivery weighs, instead of as much as ours. */
  readonly bytes: number | null;
  /** Whether to keep the figures as those to compare with. */
  readonly record: boolean;
}

/** Reads the command line; ends the process where it is wrong. */
export function benchOptions(): BenchOptions {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string" },
        subscribers: { type: "string" },
        seconds: { type: "string" },
        events: { type: "string" },
        bytes: { type: "string" },
        record: { type: "boolean", default: false },
      },
    });
    return {
      quick: values.quick,
      only: values.only?.split(",") ?? [],
      subscribers: number("subscribers", values.subscribers),
      seconds: number("seconds", values.seconds),
      events: number("events", values.events),
      bytes: number("bytes", values.bytes),
      record: values.record,
    };
  } catch (error) {
    console.error(
      `${error instanceof Error ? error.message : error}\nOptions: --quick --only NAME,NAME --subscribers N --seconds S --events N --bytes N --record`,
    );
    return process.exit(2);
  }
}

function number(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} takes a number above 0, not "${text}".`);
  return value;
}

/** Whether a server is among those that were asked for. */
export function isWanted({ only }: BenchOptions, name: string): boolean {
  return only.length === 0 || only.some((part) => name.toLowerCase().includes(part.toLowerCase()));
}
