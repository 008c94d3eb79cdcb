import type { ServerResponse } from "node:http";
import { MillraceError } from "@millrace/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Principal } from "../access/principal.ts";
import { isLoopback, networkOf } from "../http/addresses.ts";
import type { Client } from "../http/client.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { outlivesTakeOver } from "../stream/take-over.ts";
import type { LimitName, Limits, Refusal, Standing } from "./limits.ts";
import { Meter } from "./meter.ts";
import type { NodeLimits } from "./node-limits.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** What its limits are counted by; null: it has none. */
    caller: string | null;
    /** Stops counting its bytes. Called when its answer is over. */
    stopMeter: () => void;
    /** The execution that it has started, for the limits: set by the handler. */
    startedExecution: string | null;
  }
}

/** What requests are held to. */
export interface LimitParts {
  readonly limits: Limits;
  /** Of the process that starts runs; null in a worker. */
  readonly runs: Pick<NodeLimits, "startRun" | "runStarted" | "runRefused"> | null;
  /** Whether callers have to say who they are. */
  readonly accessControl: boolean;
}

/** In words, for a person. */
const WHAT: Readonly<Record<LimitName, string>> = {
  requests: "More requests than limit_requests_per_second allows",
  bytes: "More bytes than limit_bytes_per_minute allows",
  streams: "As many streams as limit_streams allows are open",
  run_starts: "More runs were started than limit_run_starts_per_minute allows",
  runs: "As many runs as limit_runs allows are running",
  attempts: "Too many wrong credentials have come from this address",
};

/**
 * What limits count a request by: its credential; where it has none, its address. Null: by nothing, as requests of this
 * machine to a service without access control.
 */
export function callerOf(principal: Principal, { address }: Client, accessControl: boolean): string | null {
  // Whichever way it comes: a key, the logins that were made with it, and their tickets are one.
  if (principal.kind !== "anonymous") return `credential:${principal.id}`;
  if (!accessControl && isLoopback(address)) return null;
  // Those who have gone before they were asked where they come from are one: what they sent is done all the same.
  return `address:${networkOf(address)}`;
}

/** Holds requests to their limits; from then on it has to be known who sends them. What asks after the health is free. */
export function registerLimits(app: FastifyInstance, { limits, accessControl }: LimitParts): void {
  const meter = new Meter(limits);
  app.decorateRequest("caller", null);
  app.decorateRequest("startedExecution", null);
  app.decorateRequest("stopMeter", nothing);
  app.addHook("onRequest", async (request, reply) => {
    if (request.url.startsWith("/health/")) return;
    const caller = callerOf(request.principal, request.client, accessControl);
    if (caller === null) return;
    request.caller = caller;
    const metered = meter.begin(caller, request.raw.socket);
    request.stopMeter = () => meter.end(metered);
    if (reply.raw.closed) request.stopMeter();
    else reply.raw.once("close", request.stopMeter);
    const { refusal, requests } = await limits.request(caller);
    if (requests !== null) reply.headers(rateHeaders(requests));
    if (refusal !== null) throw refused(reply, refusal);
  });
}

/** An endpoint whose streams, or runs, are counted. */
export function withLimits(endpoint: Endpoint, { limits, runs }: LimitParts): Endpoint {
  if (endpoint.counts === "stream") return withOpenLimit(endpoint, limits);
  return endpoint.counts === "run" && runs !== null ? withRunLimit(endpoint, runs) : endpoint;
}

/** The error of a refusal; the header that says when to come back is set. */
export function refused(reply: FastifyReply, { limit, retryAfterMs }: Refusal): MillraceError {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  reply.header("retry-after", String(seconds));
  return new MillraceError("RATE_LIMITED", `${WHAT[limit]}. Try again in ${seconds} s.`, { details: { limit } });
}

function withOpenLimit(endpoint: Endpoint, limits: Limits): Endpoint {
  return {
    ...endpoint,
    async run(request, reply) {
      const { caller } = request;
      if (caller === null) return endpoint.run(request, reply);
      const refusal = await limits.open(caller);
      if (refusal !== null) throw refused(reply, refusal);
      whenClosed(request, reply.raw, () => {
        request.stopMeter();
        limits.closed(caller);
      });
      return endpoint.run(request, reply);
    },
  };
}

function withRunLimit(endpoint: Endpoint, runs: Pick<NodeLimits, "startRun" | "runStarted" | "runRefused">): Endpoint {
  return {
    ...endpoint,
    async run(request, reply) {
      const { caller } = request;
      if (caller === null) return endpoint.run(request, reply);
      const refusal = await runs.startRun(caller);
      if (refusal !== null) throw refused(reply, refusal);
      let answer: unknown;
      try {
        answer = await endpoint.run(request, reply);
      } catch (error) {
        runs.runRefused(caller);
        throw error;
      }
      runs.runStarted(caller, request.startedExecution);
      return answer;
    },
  };
}

/** Calls once the answer is over: its connection's end where a stream has taken that over, which tells the answer nothing. */
function whenClosed({ raw: { socket } }: FastifyRequest, response: ServerResponse, done: () => void): void {
  let over = false;
  const once = () => {
    if (over) return;
    over = true;
    response.off("close", once);
    socket.off("close", atEnd);
    done();
  };
  // Of a connection that carries other requests, too, the answer's own end counts.
  const atEnd = () => once();
  if (response.closed || socket.destroyed) {
    once();
    return;
  }
  response.once("close", once);
  outlivesTakeOver(atEnd);
  // A client may send any number of requests ahead of their turn.
  socket.setMaxListeners(0);
  socket.once("close", atEnd);
}

function nothing(): void {}

/** As the draft of the IETF's "RateLimit header fields for HTTP" has them. */
function rateHeaders({ quota, left, fullInMs }: NonNullable<Standing["requests"]>): Record<string, string> {
  return {
    "ratelimit-policy": `"requests";q=${quota}`,
    ratelimit: `"requests";r=${left};t=${Math.ceil(fullInMs / 1000)}`,
  };
}
