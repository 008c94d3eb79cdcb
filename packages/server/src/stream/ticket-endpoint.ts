import { createTicketSchema, ticketSchema } from "@millrace/protocol";
import { z } from "zod";
import type { Tickets } from "../access/tickets.ts";
import { type Endpoint, endpoint, errorResponses, validationResponse } from "../http/endpoint.ts";
import { findExecutionId, type RecordsByProject } from "../http/find-execution.ts";

/** `POST /api/v1/executions/{execution_id}/events/ticket`. */
export function ticketEndpoint(parts: { readonly tickets: Tickets; readonly records: RecordsByProject }): Endpoint {
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
    handler: async ({ params, body, principal, view, request, reply }) => {
      const { id, project } = await findExecutionId(parts.records, view, params.execution_id);
      request.concerns = project;
      const { ticket, expiresAt } = parts.tickets.issue(
        { ...principal, project: view.project },
        id,
        body.expires_in_seconds * 1000,
      );
      return reply.code(201).send({
        ticket,
        execution_id: id,
        expires_at: new Date(expiresAt).toISOString(),
        url: `/api/v1/executions/${id}/events?ticket=${ticket}`,
      });
    },
  });
}
