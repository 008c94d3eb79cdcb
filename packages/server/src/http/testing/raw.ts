import { connect } from "node:net";

/** What came back over a socket. */
export interface RawAnswer {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** All that came, from the first byte to the close. */
  readonly text: string;
}

/**
 * Sends text as it is and reads until the service closes, or says no more for `quietMs`. Of several texts each is sent
 * when something has come back for the one before.
 */
export async function sendRaw(base: string, texts: string | readonly string[], quietMs = 300): Promise<RawAnswer> {
  const { hostname, port } = new URL(base);
  const waiting = typeof texts === "string" ? [texts] : [...texts];
  let text = "";
  await new Promise<void>((resolve, reject) => {
    const sendNext = () => {
      const next = waiting.shift();
      if (next !== undefined) socket.write(next);
    };
    const socket = connect(Number(port), hostname, sendNext);
    socket.setTimeout(quietMs, () => socket.destroy());
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      sendNext();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET" || error.code === "EPIPE") resolve();
      else reject(error);
    });
    socket.on("close", () => resolve());
  });
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [line = "", ...fields] = head.split("\r\n");
  const headers = fields.map((field) => {
    const colon = field.indexOf(":");
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
  });
  return {
    status: Number(line.split(" ")[1]),
    headers: Object.fromEntries(headers),
    body: rest.join("\r\n\r\n"),
    text,
  };
}
