import { MillraceError } from "@millrace/protocol";

/** Where NATS is, and as whom to go there. */
export interface NatsAddress {
  /** `host:port`, one or several servers of one cluster. */
  readonly servers: readonly string[];
  readonly tls: boolean;
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  /** All of it for people: without credentials. */
  readonly shown: string;
}

/**
 * Reads `nats://[user:password@]host[:port]`, or `tls://…`; several, with commas between them, are servers of one cluster.
 * A user without a password is a token. Credentials stand with one of them, and go for all.
 * @throws MillraceError SETTING_INVALID; it shows no credentials
 */
export function parseNatsUrl(text: string): NatsAddress {
  const urls = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(parseOne);
  if (urls.length === 0) throw invalid("it is empty");
  const credentials = new Set(urls.filter(({ username }) => username !== "").map((url) => userinfo(url)));
  if (credentials.size > 1) throw invalid("its servers have different credentials");
  const protocols = new Set(urls.map(({ protocol }) => protocol));
  if (protocols.size > 1) throw invalid("nats:// and tls:// stand beside each other");
  const servers = urls.map(({ host, port }) => (port === "" ? `${host}:4222` : host));
  const [protocol = "nats:"] = protocols;
  return {
    servers,
    tls: protocol === "tls:",
    shown: servers.map((server) => `${protocol}//${server}`).join(","),
    ...login(urls.find(({ username }) => username !== "")),
  };
}

function parseOne(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "nats:" && url.protocol !== "tls:") || url.host === "") {
    throw invalid(`${withoutCredentials(text)} does not fit`);
  }
  if ((url.pathname !== "" && url.pathname !== "/") || url.search !== "" || url.hash !== "") {
    throw invalid(`${withoutCredentials(text)} has something after the port`);
  }
  return url;
}

function login(url: URL | undefined): { user?: string; pass?: string; token?: string } {
  if (url === undefined) return {};
  const user = decodeURIComponent(url.username);
  return url.password === "" ? { token: user } : { user, pass: decodeURIComponent(url.password) };
}

function userinfo({ username, password }: URL): string {
  return `${username}:${password}`;
}

function withoutCredentials(text: string): string {
  return text.replace(/^([a-z+]*:\/\/)?.*@/i, "$1");
}

function invalid(reason: string): MillraceError {
  return new MillraceError(
    "SETTING_INVALID",
    `The address of NATS cannot be used: ${reason}. Write nats://host:port or nats://user:password@host:port, several with commas between them.`,
  );
}
