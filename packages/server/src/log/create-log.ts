import { hostname } from "node:os";
import pino, { type Logger } from "pino";
import type { Settings } from "../settings.ts";
import { prettyLine } from "./pretty-line.ts";
import { redactLine } from "./redact-line.ts";
import { redactStreams } from "./redact-streams.ts";

/** What a log is set up by. */
export type LogSettings = Pick<Settings, "log_level" | "log_format" | "database_url" | "node_name">;

/** Whether lines of the log are for people; else each line on stderr is JSON, for programs, and nothing else may be there. */
export function isForPeople({ log_format: format }: Pick<LogSettings, "log_format">): boolean {
  return format === "pretty" || (format === "auto" && process.stderr.isTTY === true);
}

/**
 * The process's log, on stderr (docs/guides/logging.md), without credentials. `more`: fields of every line. What else the
 * process writes to its streams is without the secrets that it knows, from then on.
 */
export function createLog(settings: LogSettings, more: Readonly<Record<string, unknown>> = {}): Logger {
  redactStreams();
  const { log_level: level, database_url: database, node_name: name } = settings;
  const isTerminal = process.stderr.isTTY === true;
  const isPretty = isForPeople(settings);
  const colours = isTerminal && process.env.NO_COLOR === undefined;
  // Of several nodes each line says whose it is.
  const base = { ...(database === null ? {} : { node: name ?? `${hostname()}-${process.pid}` }), ...more };
  const options: pino.LoggerOptions = {
    level,
    base: Object.keys(base).length === 0 ? null : base,
    timestamp: pino.stdTimeFunctions.isoTime,
    hooks: {
      streamWrite: (line) => (isPretty ? prettyLine(redactLine(line), colours) : redactLine(line)),
    },
  };
  // On a terminal through the stream, as what is drawn there has to make room for it; else the fastest way.
  if (isTerminal) return pino(options, { write: (line) => void process.stderr.write(line) });
  return pino(options, pino.destination({ dest: 2, sync: true }));
}
