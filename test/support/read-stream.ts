import { createParser } from "eventsource-parser";

/** A frame as a client library reads it. */
export interface Frame {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Record<string, unknown>;
}

/** Reads a stream to its end, or until `until` says so. */
export async function readStream(
  url: string,
  options: { readonly headers?: Record<string, string>; readonly until?: (frame: Frame) => boolean } = {},
): Promise<{ readonly status: number; readonly frames: Frame[] }> {
  const stop = new AbortController();
  const response = await fetch(url, { headers: options.headers ?? {}, signal: stop.signal });
  const frames: Frame[] = [];
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    return { status: response.status, frames };
  }
  let done = false;
  const parser = createParser({
    onEvent: (message) => {
      if (done) return;
      const frame = { event: message.event ?? "message", id: message.id, data: JSON.parse(message.data) };
      frames.push(frame);
      if (options.until?.(frame)) {
        done = true;
        stop.abort();
      }
    },
  });
  try {
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      parser.feed(text);
      if (done) break;
    }
  } catch (error) {
    if (!done) throw error;
  }
  return { status: 200, frames };
}
