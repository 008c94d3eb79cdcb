import type { Server } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Endpoint } from "../http/endpoint.ts";
import { gauge, type Metrics } from "./metrics.ts";

/** What is asked for on a path that no endpoint has: never the path itself, of which there are as many as anybody likes. */
const NO_ROUTE = "none";

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Counts every request that is answered here. `isElsewhere` tells of those whose answer is another process's, which counts it. */
export function countRequests(
  app: FastifyInstance,
  metrics: Metrics,
  isElsewhere: (request: FastifyRequest) => boolean,
): void {
  app.addHook("onResponse", async (request, reply) => {
    if (!isElsewhere(request) && !streams.has(request)) count(metrics, request, reply.statusCode, reply.elapsedTime);
  });
}

/** Streams that were counted as they began: where one keeps its connection, the framework tells of its end as well. */
const streams = new WeakSet<FastifyRequest>();

/** An endpoint whose streams are counted when they begin: the framework, whose connection they take over, does not hear of their end. */
export function countStreams(endpoint: Endpoint, metrics: Metrics): Endpoint {
  return {
    ...endpoint,
    async run(request, reply) {
      const answer = await endpoint.run(request, reply);
      const { raw } = reply;
      if (raw.headersSent && !raw.writableEnded && !streams.has(request)) {
        streams.add(request);
        count(metrics, request, raw.statusCode, reply.elapsedTime);
      }
      return answer;
    },
  };
}

/** Adds the number of connections that a server has. */
export function addConnections(metrics: Metrics, server: Server): void {
  gauge(
    metrics,
    "millrace_http_connections",
    "Connections to the port that are open, those of streams included.",
    () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, connections) => (error === null ? resolve(connections) : reject(error)));
      }),
  );
}

function count(metrics: Metrics, request: FastifyRequest, status: number, ms: number): void {
  const method = METHODS.has(request.method) ? request.method : "other";
  const route = request.routeOptions.config?.endpoint?.path ?? NO_ROUTE;
  metrics.httpRequests.inc({ method, route, status: `${Math.floor(status / 100)}xx` });
  metrics.httpSeconds.observe({ method, route }, ms / 1000);
}
