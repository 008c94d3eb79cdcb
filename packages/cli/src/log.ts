import { knownSecrets } from "@millrace/engine/redactor";
import pino, { type Logger } from "pino";

/** The process's log: JSON lines on stderr, without the secrets that the process knows. */
export function createLog(level: string): Logger {
  redactStreams();
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  // On a terminal through the stream, as what is drawn there has to make room for it; else the fastest way.
  if (process.stderr.isTTY) return pino(options, { write: (line) => void process.stderr.write(line) });
  const stderr = pino.destination({ dest: 2, sync: true });
  return pino(options, { write: (line) => void stderr.write(knownSecrets.redact(line)) });
}

let redacted = false;

/** Adapters write to the process's own streams as well, as with `console.log`. */
function redactStreams(): void {
  if (redacted) return;
  redacted = true;
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream);
    // Either of its forms, with what they take passed on as it is.
    stream.write = ((chunk: string | Uint8Array, ...rest: [BufferEncoding?, (() => void)?]) => {
      const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
      const shown = knownSecrets.redact(text);
      return write(shown === text ? chunk : shown, ...rest);
    }) as typeof stream.write;
  }
}
