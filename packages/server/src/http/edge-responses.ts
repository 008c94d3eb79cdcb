import type { ErrorCode } from "@millrace/protocol";
import { type EndpointSpec, errorResponses, type ResponseSpec, validationResponse } from "./endpoint.ts";

const ALWAYS: readonly ErrorCode[] = ["REQUEST_MALFORMED", "HEADERS_TOO_LARGE", "HOST_NOT_ALLOWED", "RATE_LIMITED"];
/** Of what needs a credential. */
const WITH_ACCESS: readonly ErrorCode[] = ["UNAUTHENTICATED", "FORBIDDEN"];
/** Of what changes something. */
const WITH_CHANGE: readonly ErrorCode[] = ["CROSS_SITE_REQUEST"];
const WITH_BODY: readonly ErrorCode[] = ["PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"];
/** Of what looks into the database, or asks another node. */
const WITH_STORE: readonly ErrorCode[] = ["STORE_UNREACHABLE"];

/**
 * What an endpoint may answer, for its description: its own responses, and the errors that the HTTP edge answers before
 * it, or for it where the store cannot be reached.
 */
export function documentedResponses(each: EndpointSpec): Record<number, ResponseSpec> {
  const all: Record<number, ResponseSpec> = {
    ...each.responses,
    // Each of these may name a project in a header.
    ...(each.access === "open" ? {} : validationResponse),
  };
  const ofTheEdge = errorResponses(
    ...ALWAYS,
    ...(each.access === "open" ? [] : WITH_ACCESS),
    ...(each.method === "GET" ? [] : WITH_CHANGE),
    ...(each.body === undefined ? [] : WITH_BODY),
    ...(each.path.startsWith("/api/") && each.responses[503] === undefined ? WITH_STORE : []),
  );
  for (const [status, response] of Object.entries(ofTheEdge)) {
    const own = all[Number(status)];
    const description = own === undefined ? response.description : `${own.description} ${response.description}`;
    all[Number(status)] = { ...response, description };
  }
  return all;
}
