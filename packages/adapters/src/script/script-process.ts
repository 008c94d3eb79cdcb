import { type ChildProcess, fork } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { AdapterError, type AdapterLog } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { freeSlot, takeSlot } from "../work-threads/work-slots.ts";
import { FIRST_COLUMN, SCRIPT_NAME } from "./compile-script.ts";
import type { ScriptAnswer, ScriptCall, ScriptResult, ScriptSetup } from "./script-messages.ts";

/** What the process's code is in: it may read that, and nothing else, until it has. */
const FILES = ["script-process-main.ts", "harden.ts", "script-realm.ts", "script-messages.ts"].map((file) =>
  fileURLToPath(new URL(file, import.meta.url)),
);
const [MAIN = ""] = FILES;

/** A process that has nothing to do is ended after so long, in milliseconds. */
const IDLE_MS = 10_000;

/** Between two looks at its memory, in milliseconds. */
const LOOK_MS = 20;

/** The longest that a process may take to begin, in milliseconds: on a machine with much else to do. */
const START_MS = 60_000;

const MIB = 1024 * 1024;

/** What a script may take for one message. */
export interface ScriptLimits {
  readonly timeMs: number;
  readonly memoryMb: number;
  readonly maxMessages: number;
}

/**
 * A script at work: messages one at a time, in a process of its own that is started with the first of them. Why a
 * process: docs/decisions/0031.
 *
 * States of the process: none → *starting* → *ready* ⇄ *at work* → none (idle for long, or killed as the script took too
 * much; the next message starts another).
 */
export class ScriptProcess {
  readonly #code: string;
  readonly #limits: ScriptLimits;
  #last: Promise<unknown> = Promise.resolve();
  #child: ChildProcess | null = null;
  /** What the process takes before it has done anything, in bytes. */
  #baseBytes = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(code: string, limits: ScriptLimits) {
    this.#code = code;
    this.#limits = limits;
  }

  /**
   * What the script makes of a payload.
   * @throws AdapterError SCRIPT_FAILED, SCRIPT_TOO_SLOW, SCRIPT_OUT_OF_MEMORY
   */
  run(call: ScriptCall, log: AdapterLog, signal: AbortSignal): Promise<readonly JsonObject[]> {
    const own = this.#last.then(() => this.#run(call, log, signal));
    this.#last = own.catch(() => undefined);
    return own;
  }

  async #run(call: ScriptCall, log: AdapterLog, signal: AbortSignal): Promise<readonly JsonObject[]> {
    signal.throwIfAborted();
    await takeSlot(signal);
    try {
      clearTimeout(this.#idle);
      const child = this.#child ?? (await this.#start(signal));
      const result = parse(await this.#ask(child, call, this.#limits.timeMs, signal));
      this.#rest(child);
      if (Array.isArray(result.log)) for (const line of result.log) log.info(String(line));
      if (result.error === undefined) return Array.isArray(result.emits) ? result.emits : [];
      const { message, place, retryable } = result.error;
      const text = `The script failed${typeof place === "string" ? `, ${place}` : ""}: ${String(message)}`;
      throw new AdapterError("SCRIPT_FAILED", /[.!?]$/.test(text) ? text : `${text}.`, {
        retryable: retryable === true,
      });
    } finally {
      freeSlot();
    }
  }

  async #start(signal: AbortSignal): Promise<ChildProcess> {
    const { memoryMb, maxMessages, timeMs } = this.#limits;
    const child = fork(MAIN, [], {
      // No file, network, process, thread or native module for anything in it, whatever it gets hold of.
      execArgv: [
        "--permission",
        ...FILES.map((file) => `--allow-fs-read=${file}`),
        `--max-old-space-size=${memoryMb}`,
        "--max-semi-space-size=8",
        "--disable-warning=SecurityWarning",
      ],
      env: {},
      cwd: "/",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      serialization: "json",
    });
    // One that comes when nobody waits for an answer is told of when the next message meets it.
    child.on("error", () => undefined);
    const setup: ScriptSetup = {
      code: this.#code,
      name: SCRIPT_NAME,
      columnOffset: FIRST_COLUMN,
      maxMessages,
      timeMs,
    };
    await this.#ask(child, setup, START_MS, signal);
    this.#baseBytes = await residentBytes(child.pid);
    this.#child = child;
    child.once("exit", () => {
      if (this.#child === child) this.#child = null;
    });
    return child;
  }

  async #ask(
    child: ChildProcess,
    message: ScriptCall | ScriptSetup,
    timeMs: number,
    signal: AbortSignal,
  ): Promise<string> {
    const { memoryMb } = this.#limits;
    const answer = Promise.withResolvers<string>();
    const onMessage = (said: ScriptAnswer) => answer.resolve(said?.kind === "answer" ? String(said.json) : "");
    const onError = (error: Error) => answer.reject(broken(error.message));
    const onExit = (code: number | null, killed: string | null) => {
      // V8 aborts the process when its heap is full.
      const isFull = killed === "SIGABRT" || killed === "SIGTRAP" || killed === "SIGILL" || code === 134;
      answer.reject(isFull ? tooMuch(memoryMb) : broken(`its process ended (${killed ?? code})`));
    };
    const onAbort = () => answer.reject(signal.reason);
    child.on("message", onMessage).on("error", onError).on("exit", onExit);
    signal.addEventListener("abort", onAbort, { once: true });
    const timer = setTimeout(() => answer.reject(tooSlow(timeMs)), timeMs);
    const watch = setInterval(() => {
      residentBytes(child.pid).then((bytes) => {
        // What V8's heap does not count: buffers.
        if (this.#baseBytes > 0 && bytes - this.#baseBytes > 2 * memoryMb * MIB) answer.reject(tooMuch(memoryMb));
      });
    }, LOOK_MS);
    child.ref();
    child.channel?.ref();
    child.send(message, (error) => {
      if (error !== null) answer.reject(broken(error.message));
    });
    try {
      return await answer.promise;
    } catch (error) {
      if (this.#child === child) this.#child = null;
      child.kill("SIGKILL");
      throw error;
    } finally {
      clearTimeout(timer);
      clearInterval(watch);
      signal.removeEventListener("abort", onAbort);
      child.off("message", onMessage).off("error", onError).off("exit", onExit);
    }
  }

  #rest(child: ChildProcess): void {
    child.unref();
    child.channel?.unref();
    this.#idle = setTimeout(() => {
      this.#child = null;
      child.kill("SIGKILL");
    }, IDLE_MS).unref();
  }
}

/** Memory that a process has, in bytes; 0 where the system does not say. */
async function residentBytes(pid: number | undefined): Promise<number> {
  try {
    const [, pages = "0"] = (await readFile(`/proc/${pid}/statm`, "latin1")).split(" ");
    return Number(pages) * 4096;
  } catch {
    return 0;
  }
}

function parse(json: string): ScriptResult {
  try {
    const result: unknown = JSON.parse(json);
    // The world of the script made it, and may be broken: what is taken from it is checked where it is used.
    if (typeof result === "object" && result !== null) return result as ScriptResult;
  } catch {
    // Said below.
  }
  return { error: { message: "what it emitted cannot be written as JSON", place: null, retryable: false } };
}

function tooSlow(timeMs: number): AdapterError {
  const text = `The script took longer than ${timeMs / 1000} s for a message (max_seconds).`;
  return new AdapterError("SCRIPT_TOO_SLOW", text, { retryable: false });
}

function tooMuch(memoryMb: number): AdapterError {
  const text = `The script used more than ${memoryMb} MiB of memory (max_memory_mb).`;
  return new AdapterError("SCRIPT_OUT_OF_MEMORY", text, { retryable: false });
}

function broken(why: string): AdapterError {
  return new AdapterError("SCRIPT_FAILED", `The script failed: ${why.slice(0, 300)}.`, { retryable: false });
}
