import cors, { type FastifyCorsOptions } from "@fastify/cors";
import type { FastifyInstance } from "fastify";
import type { Paths } from "./paths.ts";

/** Browsers keep a preflight's answer for so many seconds; none of them keeps it longer. */
const PREFLIGHT_MAX_AGE = 7200;

/**
 * Lets pages of the given origins call the API (`*`: of any; there are no credentials to protect by the origin). The
 * credentials that a call carries are those it is given (`Authorization`): cookies are for the service's own pages, and
 * never go with a page of another origin. The headers are set before a handler runs, so that answers on the raw socket have them in `reply.getHeaders()`.
 */
export async function registerCors(
  app: FastifyInstance,
  origins: readonly string[] | "*",
  paths: Paths,
): Promise<void> {
  const any = origins === "*" || origins.includes("*");
  await app.register(cors, {
    delegator: (request, done) => {
      const options: FastifyCorsOptions = {
        origin: any ? "*" : [...origins],
        credentials: false,
        methods: [...(paths.methodsOf(request.url) ?? ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])],
        allowedHeaders: [
          "Accept",
          "Authorization",
          "Cache-Control",
          "Content-Type",
          "If-Match",
          "If-None-Match",
          "If-Range",
          "Idempotency-Key",
          "Last-Event-ID",
          "Millrace-Project",
          "Range",
          "X-Request-ID",
        ],
        exposedHeaders: [
          "X-Request-ID",
          "Retry-After",
          "ETag",
          "Content-Range",
          "Accept-Ranges",
          "Content-Disposition",
          "RateLimit",
          "RateLimit-Policy",
          "WWW-Authenticate",
        ],
        maxAge: PREFLIGHT_MAX_AGE,
        // Any other OPTIONS asks what the path takes, and is answered by the application.
        preflight: request.headers["access-control-request-method"] !== undefined,
        strictPreflight: false,
      };
      done(null, options);
    },
  });
}
