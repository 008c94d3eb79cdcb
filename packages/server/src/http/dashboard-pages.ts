import { existsSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import { MillraceError } from "@millrace/protocol";
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import { type Endpoint, endpoint } from "./endpoint.ts";
import { setPageHeaders } from "./security-headers.ts";

/** The dashboard, as it was built. */
export interface DashboardFiles {
  /** Where `index.html` and `assets/` are. */
  readonly folder: string;
  /** The paths of pages, with parameters as `{name}`: each is answered with `index.html`. */
  readonly pages: readonly string[];
}

/**
 * The component library sets styles on elements, so styles may stand inline; scripts may not. Frames are for previews of
 * stored objects: their text stands in `srcdoc`, in a sandbox without scripts.
 */
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'";

/** Names of assets tell what is in them. */
const FOR_EVER = "public, max-age=31536000, immutable";

/** The names that the bundler gives. */
const ASSET = /^[\w-]+(?:\.[\w-]+)+$/;

const hidden = {
  method: "GET",
  access: "open",
  tag: "Dashboard",
  hidden: true,
  responses: { 200: { description: "The page", contentType: "text/html", schema: z.string() } },
} as const;

/** The dashboard's pages and what they load. */
export function dashboardEndpoints({ folder, pages }: DashboardFiles): Endpoint[] {
  return [
    ...pages.map((path) =>
      endpoint({
        ...hidden,
        path,
        summary: "The dashboard",
        handler: async ({ reply }) => sendPage(reply),
      }),
    ),
    endpoint({
      ...hidden,
      path: "/assets/{file}",
      summary: "What the dashboard's pages load",
      params: z.object({ file: z.string() }),
      handler: async ({ params, reply }) => {
        // What is not there would else be taken for a method that is not.
        if (!ASSET.test(params.file) || !existsSync(join(folder, "assets", params.file)))
          throw new MillraceError("ROUTE_NOT_FOUND", "The dashboard has no such file; a reload brings the new pages.");
        return reply.header("cache-control", FOR_EVER).sendFile(`assets/${params.file}`);
      },
    }),
    endpoint({
      ...hidden,
      path: "/favicon.svg",
      summary: "The dashboard's icon",
      handler: async ({ reply }) => reply.header("cache-control", "public, max-age=86400").sendFile("favicon.svg"),
    }),
  ];
}

/** Lets `reply.sendFile` send the dashboard's files, compressed as the client takes them. */
export async function registerDashboardFiles(app: FastifyInstance, { folder }: DashboardFiles): Promise<void> {
  await app.register(fastifyStatic, {
    root: folder,
    serve: false,
    preCompressed: true,
    cacheControl: false,
    index: false,
  });
}

function sendPage(reply: FastifyReply): FastifyReply {
  return setPageHeaders(reply, CONTENT_SECURITY_POLICY).header("cache-control", "no-cache").sendFile("index.html");
}
