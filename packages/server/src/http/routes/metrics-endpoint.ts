import { MillraceError } from "@millrace/protocol";
import Negotiator from "negotiator";
import { Registry } from "prom-client";
import { z } from "zod";
import type { Format } from "../../metrics/gather.ts";
import { type Endpoint, endpoint, errorResponses } from "../endpoint.ts";

const { PROMETHEUS_CONTENT_TYPE: TEXT, OPENMETRICS_CONTENT_TYPE: OPEN_METRICS } = Registry;

/** What Prometheus asks for. `text` tells all that this node counts, in the format. */
export function metricsEndpoint(text: (format: Format) => Promise<string>): Endpoint {
  return endpoint({
    method: "GET",
    path: "/metrics",
    access: "read",
    summary: "What this node counts, for Prometheus",
    description:
      "In Prometheus' text format, or OpenMetrics where `Accept` prefers it. It tells of all projects: a credential of one project does not do.",
    tag: "System",
    responses: {
      200: { description: "The metrics", schema: z.string(), contentType: "text/plain" },
      ...errorResponses("FORBIDDEN"),
    },
    handler: async ({ principal, request, reply }) => {
      if (principal.project !== null) {
        throw new MillraceError(
          "FORBIDDEN",
          `Metrics are of all projects, and this credential is of "${principal.project}". Use one that is of all, with the scope read.`,
        );
      }
      // One that takes neither is told in text.
      const [preferred] = new Negotiator(request.raw).mediaTypes([TEXT, OPEN_METRICS]);
      const format = preferred === OPEN_METRICS ? OPEN_METRICS : TEXT;
      return reply.type(format).send(await text(format));
    },
  });
}
