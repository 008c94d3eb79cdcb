import { AdapterError, compileExpression, type Expression, expressionField } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { z } from "zod";
import { shown } from "./http-failure.ts";

const items = () =>
  expressionField().describe(
    "An expression over `status`, `headers` and `body`: the page's list; an empty one is the last",
  );

const common = {
  max_pages: z.int().min(1).max(1_000_000).default(100).describe("The most pages of one message"),
};

/** How the next page of an answer is asked for. */
export const pagingSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("link"), ...common }),
  z.strictObject({
    type: z.literal("next"),
    next: expressionField().describe(
      "An expression over `status`, `headers` and `body`: the next page's URL; nothing or null is the end",
    ),
    ...common,
  }),
  z.strictObject({
    type: z.literal("page"),
    parameter: z.string().min(1).default("page").describe("The parameter of the URL that counts pages"),
    start: z.int().min(0).default(1).describe("The first page's number"),
    items: items(),
    ...common,
  }),
  z.strictObject({
    type: z.literal("offset"),
    parameter: z.string().min(1).default("offset").describe("The parameter of the URL that counts items"),
    limit: z.int().min(1).default(100).describe("Items of a page: a page with fewer is the last"),
    limit_parameter: z.string().min(1).default("limit").describe("The parameter of the URL for `limit`"),
    items: items(),
    ...common,
  }),
  z.strictObject({
    type: z.literal("cursor"),
    parameter: z.string().min(1).default("cursor").describe("The parameter of the URL that the cursor is sent in"),
    cursor: expressionField().describe(
      "An expression over `status`, `headers` and `body`: the next page's cursor; nothing, null or an empty text is the end",
    ),
    ...common,
  }),
]);

/** @see pagingSchema */
export type Paging = z.infer<typeof pagingSchema>;

/** A paging whose expressions are compiled. */
export interface PreparedPaging {
  readonly paging: Paging;
  readonly expression: Expression | null;
}

/** Compiles what a paging needs. */
export function preparePaging(paging: Paging): PreparedPaging {
  const source =
    paging.type === "link"
      ? null
      : paging.type === "next"
        ? paging.next
        : paging.type === "cursor"
          ? paging.cursor
          : paging.items;
  return { paging, expression: source === null ? null : compileExpression(source) };
}

/** The first page's URL: as it is written, with the parameters that the paging counts by. */
export function firstPage({ paging }: PreparedPaging, url: URL): URL {
  const first = new URL(url);
  if (paging.type === "page") setDefault(first, paging.parameter, paging.start);
  if (paging.type === "offset") {
    setDefault(first, paging.parameter, 0);
    first.searchParams.set(paging.limit_parameter, String(paging.limit));
  }
  return first;
}

/**
 * The URL of the page after one that was asked for at `asked`, and came from `url`; null where it was the last.
 * @throws AdapterError PAGING_INVALID, not retryable
 */
export async function nextPage(
  { paging, expression }: PreparedPaging,
  asked: URL,
  url: URL,
  answer: { readonly status: number; readonly headers: Headers; readonly fields: JsonObject },
): Promise<URL | null> {
  if (paging.type === "link") {
    const link = nextLink(answer.headers.get("link") ?? "");
    return link === null ? null : resolve(link, url);
  }
  const value = await expression?.evaluate(answer.fields);
  switch (paging.type) {
    case "next":
      if (value === undefined || value === null || value === "") return null;
      if (typeof value !== "string") throw invalid("next", "no text");
      return resolve(value, url);
    case "cursor": {
      if (value === undefined || value === null || value === "") return null;
      if (typeof value !== "string" && typeof value !== "number")
        throw invalid("cursor", "neither a text nor a number");
      return withParameter(asked, paging.parameter, String(value));
    }
    default: {
      const list = value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
      if (list.length === 0 || (paging.type === "offset" && list.length < paging.limit)) return null;
      const step = paging.type === "page" ? 1 : list.length;
      const at = Number(asked.searchParams.get(paging.parameter));
      if (!Number.isSafeInteger(at)) throw invalid(paging.parameter, "no whole number in the URL");
      return withParameter(asked, paging.parameter, String(at + step));
    }
  }
}

/** The target of the first link whose relation is `next`, of a `Link` header (RFC 8288). */
export function nextLink(header: string): string | null {
  // A target may hold commas and semicolons, and a value of a parameter may be quoted.
  for (const [, target = "", parameters = ""] of header.matchAll(
    /<([^<>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)/g,
  )) {
    const rel = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters);
    const relations = (rel?.[1] ?? rel?.[2] ?? "").toLowerCase().split(/\s+/);
    if (relations.includes("next")) return target.trim();
  }
  return null;
}

function resolve(text: string, base: URL): URL {
  const url = URL.parse(text, base);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new AdapterError("PAGING_INVALID", `The page after ${shown(base)} has no http or https URL.`, {
      retryable: false,
    });
  }
  url.username = "";
  url.password = "";
  return url;
}

function withParameter(url: URL, name: string, value: string): URL {
  const next = new URL(url);
  next.searchParams.set(name, value);
  return next;
}

function setDefault(url: URL, name: string, value: number): void {
  if (!url.searchParams.has(name)) url.searchParams.set(name, String(value));
}

function invalid(field: string, what: string): AdapterError {
  return new AdapterError("PAGING_INVALID", `The next page cannot be asked for: "${field}" of paging is ${what}.`, {
    retryable: false,
  });
}
