import type { AuditEntry, AuditLog } from "@millrace/engine";
import { auditListSchema, auditQuerySchema } from "@millrace/protocol";
import { type Endpoint, endpoint, validationResponse } from "../endpoint.ts";
import { pageOf } from "../page.ts";

/** `GET /api/v1/audit`. */
export function auditEndpoints({ auditLog }: { readonly auditLog: AuditLog }): Endpoint[] {
  return [
    endpoint({
      method: "GET",
      path: "/api/v1/audit",
      access: "admin",
      summary: "Who did what",
      description:
        "What requests have changed, or were not let change, the newest first. One of a single project sees what was done there.",
      tag: "Access",
      query: auditQuerySchema,
      responses: { 200: { description: "A page of entries", schema: auditListSchema }, ...validationResponse },
      handler: async ({ query, principal }) => {
        const { actor, action, outcome, from, to, limit, offset } = query;
        const project = principal.project ?? query.project;
        const page = await auditLog.list({
          ...(actor === undefined ? {} : { actor }),
          ...(action === undefined ? {} : { action }),
          ...(project === undefined ? {} : { project }),
          ...(outcome === undefined ? {} : { outcome }),
          ...(from === undefined ? {} : { from: Date.parse(from) }),
          ...(to === undefined ? {} : { to: Date.parse(to) }),
          limit,
          offset,
        });
        return pageOf("entries", query, { total: page.total, items: page.items.map(showEntry) });
      },
    }),
  ];
}

function showEntry({ requestId, at, ...entry }: AuditEntry) {
  return { ...entry, at: new Date(at).toISOString(), request_id: requestId };
}
