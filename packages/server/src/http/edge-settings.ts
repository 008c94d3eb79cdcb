import { z } from "zod";
import { count, list, number } from "../setting-kinds.ts";
import { isNetwork } from "./addresses.ts";

const rate = (what: string, fallback: number) =>
  number(z.number("expected a number").min(0).max(1_000_000)).default(fallback).describe(what);

/** A name of a host as it stands in `Host`, without its port. */
const HOST_NAME = /^(?:\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)$/i;

/** What the HTTP edge is set to: names, proxies, limits. 0 is no limit. */
export const edgeSettings = {
  public_url: z
    .string()
    .min(1)
    .refine(isSite, "expected a URL as https://millrace.example.org, without a path")
    .nullable()
    .default(null)
    .describe("Where users find the service, where that is not the address that it listens on"),
  allowed_hosts: list(z.string().regex(HOST_NAME, "expected names as millrace.example.org, *.example.org or *"))
    .default([])
    .describe(
      "Names that the service answers to, beside `localhost` and addresses, separated by commas; `*` is any. Without it any, but for a service without access control on a loopback address: that answers to no other",
    ),
  trusted_proxies: list(
    z.string().refine(isNetwork, "expected addresses as 10.0.0.7, networks as 10.0.0.0/8, loopback or private"),
  )
    .default([])
    .describe(
      "Addresses and networks of proxies whose word about their clients counts, separated by commas; `loopback` and `private` are all such",
    ),
  forwarded_headers: z
    .enum(["x-forwarded", "forwarded"])
    .default("x-forwarded")
    .describe(
      "The headers in which trusted proxies tell of their clients: `X-Forwarded-For`, `-Proto` and `-Host`, or `Forwarded` (RFC 7239)",
    ),
  hsts_seconds: count(
    "How long browsers that had the service over https are to take it no other way, in seconds; 0: they are not told",
    31_536_000,
    0,
    2 ** 31,
  ),
  limit_requests_per_second: rate("Requests that one key, or one address without a key, may send in a second", 100),
  limit_request_burst: count("Requests that it may send at once, after a rest", 1_000, 0, 1_000_000),
  limit_bytes_per_minute: number(z.number("expected a whole number").int("expected a whole number").min(0).max(1e15))
    .default(4 * 1024 ** 3)
    .describe("Bytes of requests, answers and streams together that it may have in a minute"),
  limit_streams: count("Streams, and other answers that are waited for, that it may have open at once", 1_000, 0, 1e6),
  limit_runs: count("Runs that it may have started and that are not over", 0, 0, 100_000),
  limit_run_starts_per_minute: rate("Runs that it may start in a minute", 600),
  limit_failed_attempts: count(
    "Wrong credentials from one address, beyond which others of the kind are answered 429: for a second, then for longer each time. Good ones are always let in",
    1_000,
    0,
    1_000_000,
  ),
  limit_connections: count("Connections that one address may have open, to each process that serves", 2_000, 0, 1e6),
} as const;

/** @see edgeSettings */
export type EdgeSettings = z.infer<z.ZodObject<typeof edgeSettings>>;

/** What they are where nothing is set. */
export const DEFAULT_EDGE: EdgeSettings = z.object(edgeSettings).parse({});

function isSite(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, origin } = new URL(text);
  return (protocol === "https:" || protocol === "http:") && (text === origin || text === `${origin}/`);
}
