import { createHash } from "node:crypto";
import Fastify from "fastify";
import { z } from "zod";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { setPageHeaders } from "./security-headers.ts";

const START = `
Scalar.createApiReference("#reference", {
  url: "/openapi.json",
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: "never",
});
`;

/** The one script in the page is known by its hash: none that comes from elsewhere runs. */
const CONTENT_SECURITY_POLICY = `default-src 'none'; script-src 'self' 'sha256-${createHash("sha256").update(START).digest("base64")}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Millrace API</title>
</head>
<body>
<div id="reference"></div>
<script src="/docs/reference.js"></script>
<script>${START}</script>
</body>
</html>
`;

const hidden = {
  tag: "System",
  hidden: true,
  responses: { 200: { description: "The page", contentType: "text/html", schema: z.string() } },
};

let script: Promise<string> | undefined;

/**
 * The reference's script, which the package carries inside its plugin: the page asks no other host for anything. Loaded
 * when it is first asked for, as it has megabytes.
 */
async function loadScript(): Promise<string> {
  const { default: reference } = await import("@scalar/fastify-api-reference");
  const app = Fastify();
  await app.register(reference, { routePrefix: "/docs", configuration: { content: {} } });
  const { body } = await app.inject("/docs/js/scalar.js");
  await app.close();
  return body;
}

/** `/` where there is no dashboard: it leads to `/docs`. */
export function docsRedirect(): Endpoint {
  return endpoint({
    ...hidden,
    method: "GET",
    path: "/",
    access: "open",
    summary: "Leads to the documentation",
    handler: async ({ reply }) => reply.redirect("/docs", 307),
  });
}

/** `/docs` and what it loads. */
export function docsEndpoints(openApi: () => unknown): Endpoint[] {
  return [
    endpoint({
      ...hidden,
      method: "GET",
      path: "/docs",
      access: "open",
      summary: "The API, to be browsed",
      handler: async ({ reply }) =>
        setPageHeaders(reply, CONTENT_SECURITY_POLICY).type("text/html; charset=utf-8").send(PAGE),
    }),
    endpoint({
      ...hidden,
      method: "GET",
      path: "/docs/reference.js",
      access: "open",
      summary: "The page's script",
      handler: async ({ reply }) => {
        script ??= loadScript();
        const body = await script;
        return reply.header("cache-control", "public, max-age=86400").type("text/javascript; charset=utf-8").send(body);
      },
    }),
    endpoint({
      ...hidden,
      method: "GET",
      path: "/openapi.json",
      access: "open",
      summary: "The API as OpenAPI 3.1",
      handler: async () => openApi(),
    }),
  ];
}
