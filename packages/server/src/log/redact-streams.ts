import { knownSecrets } from "@millrace/engine/redactor";

let redacted = false;

/**
 * From now on the process's own streams say no secret that it knows: adapters write to them as well, as with
 * `console.log`.
 */
export function redactStreams(): void {
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
