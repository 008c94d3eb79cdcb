import type { Records } from "@millrace/engine";
import { createTicketSchema, ticketSchema } from "@millrace/protocol";
import { z } from "zod";
import type { Tickets } from "../access/tickets.ts";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../http/endpoint.ts";
import { findExecution } from "../http/find-execution.ts";

/** `POST /api/v1/executions/{execution_id}/events/ticket`. */
export function ticketEndpoint(parts: { readonly tickets: Tickets; readonly records: Records }): Endpoint {
  return endpoint({
    method: "POST",
    path: "/api/v1/executions/{execution_id}/events/ticket",
    access: "read",
    audit: "execution.ticket",
    summary: "Issue a ticket for an execution's streams",
    description:
      "For clients that can set no header, as a browser's `EventSource`. It opens the streams of this execution alone, until it expires; a stream that it has opened goes on.",
    tag: "Executions",
    params: z.object({ execution_id: z.string().describe("The execution's id, or its tag") }),
    body: createTicketSchema,
    bodyOptional: true,
    responses: {
      201: { description: "The ticket", schema: ticketSchema },
      ...errorResponses("EXECUTION_NOT_FOUND"),
      ...validationResponse,
    },
    handler: async ({ params, body, principal, reply }) => {
      const { id } = await findExecution(parts.records, params.execution_id);
      const { ticket, expiresAt } = parts.tickets.issue(principal, id, body.expires_in_seconds * 1000);
      return reply.code(201).send({
        ticket,
        execution_id: id,
        expires_at: new Date(expiresAt).toISOString(),
        url: `/api/v1/executions/${id}/events?ticket=${ticket}`,
      });
    },
  });
}
