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

/** A whole answer may take so long, in milliseconds, on the busiest machine. */
const PATIENCE_MS = 30_000;

/** What comes behind whole answers, and must not, would come within so many milliseconds. */
const QUIET_MS = 200;

/**
 * Sends text as it is and reads until the service closes, or has answered each request of the first text and says no
 * more. Of several texts each is sent when something has come back for the one before.
 */
export async function sendRaw(base: string, texts: string | readonly string[]): Promise<RawAnswer> {
  const { hostname, port } = new URL(base);
  const waiting = typeof texts === "string" ? [texts] : [...texts];
  const methods = [...(waiting[0] ?? "").matchAll(/^([A-Z]+) \S+ HTTP\/1\.[01]\r$/gm)].map((match) => match[1] ?? "");
  let text = "";
  await new Promise<void>((resolve, reject) => {
    const sendNext = () => {
      const next = waiting.shift();
      if (next !== undefined) socket.write(next);
    };
    const socket = connect(Number(port), hostname, sendNext);
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      sendNext();
      if (waiting.length === 0 && areAnswered(methods, text)) socket.setTimeout(QUIET_MS);
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

/** Whether a whole answer has come to each of the requests, as far as an answer says where it ends. */
function areAnswered(methods: readonly string[], text: string): boolean {
  let rest = text;
  for (const method of methods) {
    let head = "";
    do {
      const end = rest.indexOf("\r\n\r\n");
      if (end < 0) return false;
      head = rest.slice(0, end);
      rest = rest.slice(end + 4);
    } while (/^HTTP\/1\.1 1\d\d /.test(head));
    if (method === "HEAD" || /^HTTP\/1\.1 (?:204|304) /.test(head)) continue;
    const length = /^content-length: (\d+)$/im.exec(head)?.[1];
    const end = length === undefined ? rest.indexOf("0\r\n\r\n") + 5 : Number(length);
    if ((length === undefined && end < 5) || rest.length < end) return false;
    rest = rest.slice(end);
  }
  return true;
}
