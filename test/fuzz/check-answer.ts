import { ERROR_CODES, errorResponseSchema, httpValidationErrorSchema } from "@millrace/protocol";
import { checkStream } from "./check-stream.ts";
import type { MadeRequest } from "./make-request.ts";
import type { Answer } from "./send.ts";

/** What is answered to a method that the operation does not have: that of another one of the same path, or none. */
const WITHOUT_OPERATION = new Set([400, 404, 405, 413, 415, 431]);

const STATUSES_BY_CODE = new Map(Object.entries(ERROR_CODES).map(([code, { status }]) => [code, status]));

/** An answer that was found to be as promised: its body as JSON, or a stream's ids. */
export interface CheckedAnswer {
  readonly json: unknown;
  readonly ids: readonly string[];
}

/**
 * Holds an answer against the document and the contract.
 * @throws Error with the first thing that is not as promised
 */
export function checkAnswer(made: MadeRequest, answer: Answer): CheckedAnswer {
  const { operation, method } = made;
  const { status, headers } = answer;
  const nothing: CheckedAnswer = { json: null, ids: [] };
  // Gone before there was an answer.
  if (status === 0) return nothing;
  if (status >= 500) throw new Error(`HTTP ${status}: ${answer.body.toString("utf8", 0, 500)}`);
  checkHeaders(made, answer);
  if (method === "HEAD" || method === "OPTIONS") {
    // OPTIONS may be refused, with words; HEAD has none at all.
    if (method === "OPTIONS" && status >= 400) return nothing;
    if (answer.body.length > 0) throw new Error(`${method} is answered with a body`);
    if (method === "OPTIONS" && headers.allow === undefined) throw new Error("OPTIONS does not say what is allowed");
    return nothing;
  }
  const documented = operation.answers.get(status);
  const others = method !== operation.method;
  if (others && !WITHOUT_OPERATION.has(status)) return nothing;
  if (documented === undefined && !others) {
    throw new Error(`HTTP ${status} is not documented: ${answer.body.toString("utf8", 0, 500)}`);
  }
  if (status === 405 && headers.allow === undefined) throw new Error("405 without Allow");
  const contentType = headers["content-type"] ?? "";
  const bodies = others || documented === undefined ? new Map([["application/json", null]]) : documented.bodies;
  if (bodies.size === 0) {
    // OPTIONS may be refused, with words; HEAD has none at all.
    if (method === "OPTIONS" && status >= 400) return nothing;
    if (answer.body.length > 0) throw new Error(`HTTP ${status} has a body`);
    return nothing;
  }
  const essence = contentType.split(";")[0]?.trim().toLowerCase() ?? "";
  const validators = bodies.has(essence) ? bodies.get(essence) : bodies.get("*/*");
  if (validators === undefined) throw new Error(`HTTP ${status} is of the type "${contentType}"`);
  if (essence === "text/event-stream") {
    if (contentType !== "text/event-stream; charset=utf-8") throw new Error(contentType);
    return {
      json: null,
      ids: checkStream(answer.body, { left: answer.left, many: !operation.path.includes("{") }).ids,
    };
  }
  if (essence === "text/plain") return nothing;
  if (bodies.has("*/*") && status < 300) return checkBytes(answer, status);
  if (answer.left) return nothing;
  const json: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(answer.body));
  if (validators !== null && !validators.valid(json)) {
    throw new Error(`HTTP ${status} does not fit its schema: ${JSON.stringify(validators.valid.errors)}`);
  }
  if (validators !== null && !validators.complete(json)) {
    throw new Error(`HTTP ${status} has fields that are not documented: ${JSON.stringify(validators.complete.errors)}`);
  }
  if (status >= 400) checkError(json, answer);
  else checkPage(json);
  return { json, ids: [] };
}

function checkHeaders({ headers: sent }: MadeRequest, { status, headers }: Answer): void {
  const id = headers["x-request-id"];
  if (typeof id !== "string" || !/^[A-Za-z0-9._:-]{1,128}$/.test(id)) throw new Error(`X-Request-ID: ${id}`);
  const own = sent["X-Request-ID"];
  // Of a head that is too large nothing is read.
  if (own !== undefined && status !== 431 && /^[A-Za-z0-9._:-]{1,128}$/.test(own) && own !== id)
    throw new Error(`X-Request-ID: ${id}`);
  if (headers["x-content-type-options"] !== "nosniff") throw new Error("no nosniff");
  if (headers["cache-control"] === undefined) throw new Error("no Cache-Control");
  if ((status === 429 || status === 503) && !/^\d+$/.test(headers["retry-after"] ?? ""))
    throw new Error(`HTTP ${status} without Retry-After`);
}

function checkBytes({ headers, body, left }: Answer, status: number): CheckedAnswer {
  const length = Number(headers["content-length"]);
  if (!left && body.length !== length) throw new Error(`${body.length} bytes of ${length}`);
  if (headers.etag === undefined || headers["accept-ranges"] !== "bytes") throw new Error("an object without its ETag");
  if (status === 206) {
    const [, start, end] = /^bytes (\d+)-(\d+)\/\d+$/.exec(headers["content-range"] ?? "") ?? [];
    if (Number(end) - Number(start) + 1 !== length) throw new Error(`Content-Range: ${headers["content-range"]}`);
  }
  return { json: null, ids: [] };
}

function checkError(json: unknown, { status, headers }: Answer): void {
  if (status === 422) {
    const { detail } = httpValidationErrorSchema.parse(json);
    if (detail.length === 0) throw new Error("422 without an error");
    const strange = detail.find(({ loc: [part] }) => !["path", "query", "header", "body"].includes(String(part)));
    if (strange !== undefined) throw new Error(`an error at ${JSON.stringify(strange.loc)}`);
    return;
  }
  const { error_code: code, correlation_id: id, detail } = errorResponseSchema.parse(json);
  if (detail === "") throw new Error("an error without words");
  if (STATUSES_BY_CODE.get(code ?? "") !== status) throw new Error(`HTTP ${status} with the code ${code}`);
  if (id !== headers["x-request-id"]) throw new Error(`the correlation_id is ${id}`);
}

/** What a page says of itself is so. */
function checkPage(json: unknown): void {
  if (typeof json !== "object" || json === null || !("has_more" in json)) return;
  const fields = new Map<string, unknown>(Object.entries(json));
  const items = [...fields.values()].find((value) => Array.isArray(value));
  const [total, limit, offset] = ["total", "limit", "offset"].map((name) => Number(fields.get(name)));
  if (!Array.isArray(items) || total === undefined || limit === undefined || offset === undefined) return;
  if (items.length > limit) throw new Error(`${items.length} items where ${limit} were asked for`);
  if (Number.isNaN(total) || Number.isNaN(offset) || fields.has("next_cursor")) return;
  if (fields.get("has_more") !== offset + items.length < total)
    throw new Error(`has_more is ${fields.get("has_more")}: ${offset} + ${items.length} of ${total}`);
}
