import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** What came of a stretch of publishing. */
export interface Run {
  readonly events: number;
  readonly deliveries: number;
  /** From the first event to the last delivery. */
  readonly seconds: number;
  readonly perSecond: number;
  /** Events that not everybody had read in the end. */
  readonly outstanding: number;
  /** Frames that the driver had not asked for. */
  readonly strays: number;
  /** From when an event was due to when a subscriber had read it. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Bytes on the wire, HTTP's framing included, per event and subscriber. */
  readonly bytesPerFrame: number;
  /** How much of its core the driver used: 1 is all. */
  readonly driverCpu: number;
  readonly open: number;
}

/** What came of opening streams. Times are from `connect` to the end of the response's head. */
export interface Opened {
  readonly opened: number;
  readonly failed: number;
  readonly refused: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What the subscribers have read since they were opened. */
export interface Readers {
  readonly readers: number;
  readonly closed: number;
  readonly frames: number;
  readonly bytes: number;
  /** Events of the one that has fewest, and most. */
  readonly least: number;
  readonly most: number;
  /** Subscribers whose ids are those of the one with most events, one for one. */
  readonly alike: number;
  /** Ids that did not grow. */
  readonly unordered: number;
  readonly ends: number;
  /** From the opening on. */
  readonly seconds: number;
  readonly secondsFromFirstByte: number;
}

/** How events are published: over a socket of the `gate` adapter, or by `POST`. */
export type Publishing =
  | { readonly kind: "gate"; readonly socket: string }
  | { readonly kind: "post"; readonly path: string; readonly bytes: number };

/** The folder for what benchmarks build. */
const BUILD = join(tmpdir(), `millrace-bench-${process.getuid?.() ?? 0}`);

/**
 * Compiles the driver where its source is newer; returns the path of the program.
 * @throws Error where there is no C compiler
 */
export function compileDriver(): string {
  mkdirSync(BUILD, { recursive: true });
  const program = join(BUILD, "driver");
  const sources = readdirSync(import.meta.dirname).filter((name) => /\.[ch]$/.test(name));
  const newest = Math.max(...sources.map((name) => statSync(join(import.meta.dirname, name)).mtimeMs));
  const built = statSync(program, { throwIfNoEntry: false });
  if (built !== undefined && built.mtimeMs > newest) return program;
  const files = sources.filter((name) => name.endsWith(".c"));
  const done = spawnSync("cc", ["-O2", "-std=gnu17", "-Wall", "-Wextra", ...files, "-o", program], {
    cwd: import.meta.dirname,
    encoding: "utf8",
  });
  if (done.error !== undefined) {
    throw new Error(
      "The driver is a C program, and there is no compiler: install one (Debian package gcc), so that cc is on the path.",
    );
  }
  if (done.status !== 0) throw new Error(`The driver does not compile:\n${done.stderr}`);
  return program;
}

/** The driver in a process of its own. One command at a time. */
export class Driver {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null) throw new Error("The driver has no output.");
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Starts one; on `core` alone, where one is given. */
  static start(core: number | null = null): Driver {
    const program = compileDriver();
    const [command, ...args] = core === null ? [program] : ["taskset", "-c", String(core), program];
    return new Driver(spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] }));
  }

  /** Names the server, and the paths of the streams: subscriber after subscriber takes the next one. */
  async target(url: string, paths: readonly string[]): Promise<void> {
    const { hostname, port } = new URL(url);
    await this.#command(`target ${hostname} ${port}`);
    const file = join(BUILD, `paths-${process.pid}`);
    writeFileSync(file, `${paths.join("\n")}\n`);
    await this.#command(`paths ${file}`);
    rmSync(file);
  }

  async publishing(how: Publishing): Promise<void> {
    if (how.kind === "gate") await this.#command(`publish raw ${how.socket}`);
    else await this.#command(`publish post ${how.path} ${Math.max(1, Math.round(how.bytes))} 8`);
  }

  /** Opens more subscribers, so many handshakes at a time (0: all at once), and waits for each one's head. */
  open(count: number, atOnce = 256, timeoutSeconds = 60): Promise<Opened> {
    return this.#command(`open ${count} ${atOnce} ${timeoutSeconds}`);
  }

  /** Reads until nothing comes for so long. */
  settle(quietSeconds = 0.3, timeoutSeconds = 60): Promise<{ frames: number; quiet: boolean }> {
    return this.#command(`settle ${quietSeconds} ${timeoutSeconds}`);
  }

  /** Publishes so that so many events are outstanding at each moment: the next goes when all have read one. */
  outstanding(events: number, seconds: number): Promise<Run> {
    return this.#command(`run closed ${events} 1 ${seconds}`);
  }

  /** Publishes bursts of so many events at once, the next when all have read all of one. */
  bursts(events: number, seconds: number): Promise<Run> {
    return this.#command(`run closed ${events} ${events} ${seconds}`);
  }

  /** Publishes so many events a second, whatever becomes of them. */
  rate(eventsPerSecond: number, seconds: number): Promise<Run> {
    return this.#command(`run open ${eventsPerSecond} ${seconds}`);
  }

  /** Publishes to the first topic, and does not look what becomes of it. */
  async trigger(events: number): Promise<void> {
    await this.#command(`trigger 0 ${events}`);
  }

  /** Reads for so long. */
  idle(seconds: number): Promise<{ frames: number; bytes: number; open: number; driverCpu: number }> {
    return this.#command(`idle ${seconds}`);
  }

  /** Reads until each has so many events; 0: until the server has closed every stream. */
  until(frames: number, timeoutSeconds: number): Promise<Readers> {
    return this.#command(`until ${frames} ${timeoutSeconds}`);
  }

  /** Lets subscribers stop reading, or read again. */
  async stall(from: number, to: number): Promise<void> {
    await this.#command(`stall ${from} ${to}`);
  }

  async unstall(from: number, to: number): Promise<void> {
    await this.#command(`unstall ${from} ${to}`);
  }

  /** Whether those that are opened from now on begin after the last id that those before them had. */
  async keepCursors(keep: boolean): Promise<void> {
    await this.#command(`cursors ${keep ? "keep" : "drop"}`);
  }

  async close(): Promise<void> {
    await this.#command("close");
  }

  async #command<T>(line: string): Promise<T> {
    this.#child.stdin?.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`The driver has ended at "${line}".`);
    return JSON.parse(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.stdin?.end();
    await gone;
  }
}
