import type { Operation } from "./contract-document.ts";
import type { Generator, Intent } from "./generate.ts";
import { hostileText, hostileValue } from "./hostile.ts";
import type { Known } from "./known.ts";

/** A request as it is sent. */
export interface MadeRequest {
  readonly operation: Operation;
  readonly method: string;
  /** As it stands in the request line. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
  readonly intent: Intent;
}

/** What goes with reads of objects beside what the document names: ranges and conditions. */
const RANGES = [
  "bytes=0-0",
  "bytes=0-9",
  "bytes=-5",
  "bytes=3-",
  "bytes=999999999-",
  "bytes=5-1",
  "bytes=0-1,3-4",
  "x",
];

/** Makes a request of an operation. */
export function makeRequest(operation: Operation, generator: Generator, known: Known): MadeRequest {
  const { random } = generator;
  const intent = random.chance(0.5) ? "valid" : random.chance(0.55) ? "nearly" : "hostile";
  // One part of a request that is not valid, so that the others get it as deep as they can.
  const faulty = generator.pick(["path", "query", "query", "header", "body", "body", "body"]);
  const of = (place: string): Intent => (place === faulty ? intent : random.chance(0.9) ? "valid" : intent);
  const target = pathOf(operation, generator, of("path")) + queryOf(operation, generator, of("query"));
  const headers: Record<string, string> = {};
  for (const { name, in: place, schema } of operation.parameters) {
    if (place === "header" && random.chance(0.3))
      headers[name] = headerText(generator.value(schema, name, of("header")));
  }
  if (random.chance(0.2))
    headers["X-Request-ID"] = random.chance(0.7) ? `r-${random.between(0, 99)}` : headerText(hostileText(random));
  if (random.chance(0.04))
    headers.Accept = generator.pick(["*/*", "application/json", "text/html", "image/*;q=0", "x", ""]);
  if (operation.path.endsWith("/{key}")) conditions(headers, generator);
  let body: Buffer | null = null;
  if (operation.body !== null && (operation.body.required || random.chance(0.8))) {
    const like = random.chance(0.4) ? known.pick(random, `body of ${operation.id}`) : undefined;
    const text = JSON.stringify(generator.value(operation.body.schema, "", of("body"), like)) ?? "";
    body = Buffer.from(text);
    headers["Content-Type"] = "application/json";
    if (random.chance(0.04)) body = oddBody(body, headers, generator);
  }
  let { method } = operation;
  if (random.chance(0.02)) {
    method = generator.pick(["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "POST"]);
    // What goes without saying for one method would be a deed by another one.
    if (method !== "HEAD" && method !== "OPTIONS") headers["Content-Type"] = "text/plain";
  } else if (method === "GET" && random.chance(0.03)) method = "HEAD";
  return { operation, method, target, headers, body: method === "HEAD" ? null : body, intent };
}

/** As a line for a shell. Bodies that are no text are given in Base64. */
export function asCurl(base: string, { method, target, headers, body }: MadeRequest): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const parts = ["curl", "-i", "--path-as-is", "-X", method, quote(base + target)];
  for (const [name, value] of Object.entries(headers)) parts.push("-H", quote(`${name}: ${value}`));
  if (body === null) return parts.join(" ");
  const text = body.toString("utf8");
  if (Buffer.from(text).equals(body) && !text.includes("\0")) return [...parts, "--data-binary", quote(text)].join(" ");
  return `echo ${body.toString("base64")} | base64 -d | ${[...parts, "--data-binary", "@-"].join(" ")}`;
}

function pathOf(operation: Operation, generator: Generator, intent: Intent): string {
  const schemas = new Map(operation.parameters.map(({ name, in: place, schema }) => [`${place} ${name}`, schema]));
  return operation.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
    const kind = name === "name" ? "collection_name" : name;
    const value = String(generator.value(schemas.get(`path ${name}`) ?? {}, kind, intent));
    if (generator.random.chance(0.01)) return generator.pick(["%", "%zz", "%ff", "%c3%28", "a%2fb", "%2e%2e", "%00"]);
    const encode = (text: string) => encodeURIComponent(text.toWellFormed());
    return (name === "key" ? value.split("/").map(encode).join("/") : encode(value)) || "%20";
  });
}

function queryOf(operation: Operation, generator: Generator, intent: Intent): string {
  const { random } = generator;
  const parts: string[] = [];
  const add = (name: string, value: unknown) => {
    const text = typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
    parts.push(`${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(text.toWellFormed())}`);
  };
  for (const { name, in: place, required, schema } of operation.parameters) {
    // A stream that nobody ends goes on for minutes: its time is always said.
    if (place !== "query" || !(required || name === "timeout" || random.chance(0.3))) continue;
    const value = generator.value(schema, name, intent);
    const all = Array.isArray(value) ? value.slice(0, 120) : [value];
    if (all.length > 1 && random.chance(0.3)) add(name, all.join(","));
    else for (const each of all) add(name, each);
    if (intent !== "valid" && random.chance(0.1)) add(name, hostileValue(random));
  }
  if (intent !== "valid" && random.chance(0.2)) {
    parts.push(
      generator.pick(["limit", "=", "&&", "limit=%", "offset=%ff", "a[b]=c", "__proto__=1", "limit=1&limit=x", "q=+"]),
    );
  }
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

function conditions(headers: Record<string, string>, generator: Generator): void {
  const { random } = generator;
  const etag = () => headerText(generator.value({ type: "string" }, "etag", random.chance(0.8) ? "valid" : "nearly"));
  if (random.chance(0.4))
    headers.Range = random.chance(0.85) ? generator.pick(RANGES) : headerText(hostileText(random));
  if (random.chance(0.2)) headers["If-None-Match"] = generator.pick([etag(), "*", `W/${etag()}`]);
  if (random.chance(0.1)) headers["If-Match"] = generator.pick([etag(), "*"]);
  if (random.chance(0.1)) headers["If-Range"] = etag();
  if (random.chance(0.1)) {
    const date = random.chance(0.7)
      ? new Date(random.between(0, 2e9) * 1000).toUTCString()
      : headerText(hostileText(random));
    headers[generator.pick(["If-Modified-Since", "If-Unmodified-Since"])] = date;
  }
}

function oddBody(body: Buffer, headers: Record<string, string>, generator: Generator): Buffer {
  const { random } = generator;
  switch (generator.pick(["type", "none", "cut", "bytes", "coding", "large", "deep", "form"])) {
    case "type":
      headers["Content-Type"] = generator.pick([
        "text/plain",
        "application/xml",
        "application/json; charset=latin1",
        "json",
        "",
      ]);
      return body;
    case "none":
      delete headers["Content-Type"];
      return body;
    case "cut":
      return body.subarray(0, random.between(0, body.length));
    case "bytes":
      return Buffer.from(Array.from({ length: random.between(1, 200) }, () => random.between(0, 255)));
    case "coding":
      headers["Content-Encoding"] = generator.pick(["gzip", "br", "identity", "x"]);
      return body;
    case "large":
      return Buffer.from(`{"config_yaml": "${"a".repeat(random.chance(0.3) ? 2_200_000 : 200_000)}"}`);
    case "deep":
      return Buffer.from(`${'{"a":['.repeat(120)}1${"]}".repeat(120)}`);
    default:
      headers["Content-Type"] = "application/x-www-form-urlencoded";
      return Buffer.from("a=1&b=2");
  }
}

/** What a header may carry: others are refused by the client, not by the service. */
export function headerText(value: unknown): string {
  return String(value)
    .replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, "?")
    .slice(0, 3000);
}
