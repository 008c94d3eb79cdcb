import { AdapterError } from "@millrace/engine";
import { z } from "zod";

const secret = (what: string) => z.string().min(1).describe(`${what}, as \${secret:NAME} or \${env:NAME}`);

/** How a request says who asks. Its values are sent as they are: they are no templates over the message. */
export const authSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("basic"),
    username: z.string().describe("The name, without a colon"),
    password: z.string().describe("The password, as ${secret:NAME} or ${env:NAME}"),
  }),
  z.strictObject({ type: z.literal("bearer"), token: secret("The token") }),
  z.strictObject({
    type: z.literal("header"),
    name: z.string().min(1).describe("The header's name, as x-api-key"),
    value: secret("Its value"),
  }),
  z.strictObject({
    type: z.literal("query"),
    name: z.string().min(1).describe("The parameter's name, as key"),
    value: secret("Its value"),
  }),
]);

/** @see authSchema */
export type Auth = z.infer<typeof authSchema>;

/**
 * Puts what the configuration has of it into a request's headers, or its URL.
 * @throws AdapterError HEADER_INVALID, not retryable
 */
export function authorize(auth: Auth, url: URL, headers: Headers): void {
  switch (auth.type) {
    case "basic":
      setHeader(headers, "authorization", basic(auth.username, auth.password));
      break;
    case "bearer":
      setHeader(headers, "authorization", `Bearer ${auth.token}`);
      break;
    case "header":
      setHeader(headers, auth.name, auth.value);
      break;
    case "query":
      url.searchParams.set(auth.name, auth.value);
  }
}

/** The URL as a message may hold it: without the parameter that says who asks. */
export function withoutAuth(url: URL, auth: Auth | undefined): string {
  if (auth?.type !== "query") return url.href;
  const safe = new URL(url);
  safe.searchParams.delete(auth.name);
  return safe.href;
}

/** Moves the credentials of a URL to the header that they stand for. */
export function takeCredentials(url: URL, headers: Headers): void {
  if (url.username === "" && url.password === "") return;
  const value = basic(unescapePart(url.username), unescapePart(url.password));
  url.username = "";
  url.password = "";
  if (!headers.has("authorization")) headers.set("authorization", value);
}

/**
 * Sets a header. The value stays out of the error, which everyone who sees the events sees: it may be a secret.
 * @throws AdapterError HEADER_INVALID, not retryable
 */
export function setHeader(headers: Headers, name: string, value: string): void {
  try {
    headers.set(name, value);
  } catch {
    const why = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)
      ? "its value has a line break, a NUL or a character beyond Latin-1"
      : "this is no name of a header";
    throw new AdapterError("HEADER_INVALID", `The header "${name}" cannot be sent: ${why}.`, { retryable: false });
  }
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function unescapePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
