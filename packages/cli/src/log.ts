import pino, { type Logger } from "pino";

/** The process's log: JSON lines on stderr. */
export function createLog(level: string): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  // On a terminal through the stream, as what is drawn there has to make room for it; else the fastest way.
  if (process.stderr.isTTY) return pino(options, { write: (line) => void process.stderr.write(line) });
  return pino(options, pino.destination({ dest: 2, sync: true }));
}
