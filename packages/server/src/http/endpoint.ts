import {
  ERROR_CODES,
  type ErrorCode,
  errorResponseSchema,
  httpValidationErrorSchema,
  type Scope,
  type ValidationError,
} from "@millrace/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Principal } from "../access/principal.ts";
import { readJsonBody } from "./json-body.ts";
import { missing, type Part, toValidationErrors, ValidationFailure } from "./validation.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks. */
    principal: Principal;
  }
}

/** What a handler is given: the parts of the request as its schemas return them, and the framework's own objects. */
export interface Input<P, Q, H, B> {
  readonly params: P;
  readonly query: Q;
  /** By name in lower case. */
  readonly headers: H;
  readonly body: B;
  /** Who asks: may do what the endpoint's `access` says. */
  readonly principal: Principal;
  /** `request.id` is the correlation id. `request.raw.method` is `HEAD` where a `GET` endpoint is asked for its head. */
  readonly request: FastifyRequest;
  /** `reply.code(201)` sets another status than 200. */
  readonly reply: FastifyReply;
}

/** An answer's description for OpenAPI. */
export interface ResponseSpec {
  readonly description: string;
  /** Without one the answer has no body. */
  readonly schema?: z.ZodType;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly example?: unknown;
}

/** What an endpoint is documented and validated by. */
export interface EndpointSpec {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With parameters as `{name}`. */
  readonly path: string;
  /** The scope that it asks for; `open`: none, not even a credential. */
  readonly access: Scope | "open";
  /** Whether a ticket in the query opens it, for the one execution that the ticket is for. Default false. */
  readonly takesTicket?: boolean;
  /**
   * What the audit log calls a request of it, as `config.run`; null: it is not written down. By default what changes
   * something is, by a name that is made of the path.
   */
  readonly audit?: string | null;
  /** The parameter at the end of `path` that goes to the end of a request's: it may have slashes. */
  readonly rest?: string;
  /** Whether requests come here. False: another endpoint's path has it, and answers; this one is its description. */
  readonly routed?: boolean;
  readonly summary: string;
  readonly description?: string;
  /** Groups endpoints in the documentation. */
  readonly tag: string;
  readonly params?: z.ZodObject | undefined;
  readonly query?: z.ZodObject | undefined;
  /** With names in lower case. */
  readonly headers?: z.ZodObject | undefined;
  /** Read as JSON. Endpoints without one do not look at the body. */
  readonly body?: z.ZodType | undefined;
  /** Whether the body may be left out; the schema is then given `{}`. */
  readonly bodyOptional?: boolean;
  readonly responses: Readonly<Record<number, ResponseSpec>>;
  /** Left out of OpenAPI. */
  readonly hidden?: boolean;
}

/** One method on one path: what validates it, what documents it, and what answers it. */
export interface Endpoint extends EndpointSpec {
  /** Validates the request and answers it. Throws {@link ValidationFailure} with all that does not fit. */
  run(request: FastifyRequest, reply: FastifyReply): Promise<unknown>;
}

/** What a schema returns; undefined where there is none. */
export type Out<T> = T extends z.ZodType ? z.output<T> : undefined;

/**
 * Describes an endpoint. `handler` returns the body, to be sent as JSON; where it has none, it returns
 * `reply.code(204).send()`. Errors are thrown: a `MillraceError`, or a `ValidationFailure`.
 *
 * To answer on the raw socket, as a stream does, a handler collects the headers that are set already (request id, CORS,
 * Vary) from `reply.getHeaders()`, calls `reply.hijack()`, writes to `reply.raw`, and returns `reply`.
 */
export function endpoint<
  P extends z.ZodObject | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
  H extends z.ZodObject | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(
  spec: Omit<EndpointSpec, "params" | "query" | "headers" | "body"> & {
    readonly params?: P | undefined;
    readonly query?: Q | undefined;
    readonly headers?: H | undefined;
    readonly body?: B | undefined;
    readonly handler: (input: Input<Out<P>, Out<Q>, Out<H>, Out<B>>) => Promise<unknown>;
  },
): Endpoint {
  const { handler, ...rest } = spec;
  return {
    ...rest,
    async run(request, reply) {
      const errors: ValidationError[] = [];
      const params = check("path", spec.params, withRest(spec.rest, request.params), errors);
      const query = check("query", spec.query, lastOfEach(spec.query, request.query), errors);
      const headers = check("header", spec.headers, request.headers, errors);
      const body = checkBody(rest, request, errors);
      if (errors.length > 0) throw new ValidationFailure(errors);
      // Each part is what the schema of its type returned; a part without a schema is undefined.
      return handler({ params, query, headers, body, principal: request.principal, request, reply } as Input<
        Out<P>,
        Out<Q>,
        Out<H>,
        Out<B>
      >);
    },
  };
}

/** Registers endpoints; each `GET` answers `HEAD` too, with the same head. */
export function registerEndpoints(app: FastifyInstance, endpoints: readonly Endpoint[]): void {
  for (const each of endpoints) {
    if (each.routed === false) continue;
    const path = each.rest === undefined ? each.path : each.path.replace(`{${each.rest}}`, "*");
    app.route({
      method: each.method === "GET" ? ["GET", "HEAD"] : each.method,
      url: path.replaceAll(/\{(\w+)\}/g, ":$1"),
      exposeHeadRoute: false,
      config: { endpoint: each },
      handler: (request, reply) => each.run(request, reply),
    });
  }
}

/** The `responses` entries of errors, from the registry: one per status, naming its codes. */
export function errorResponses(...codes: ErrorCode[]): Record<number, ResponseSpec> {
  const byStatus = Map.groupBy(codes, (code) => ERROR_CODES[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, those]) => [
      status,
      {
        description: those.map((code) => `\`${code}\`: ${ERROR_CODES[code].summary}`).join(" "),
        schema: errorResponseSchema,
      },
    ]),
  );
}

/** The `responses` entry of a request that does not fit. */
export const validationResponse: Record<number, ResponseSpec> = {
  422: { description: "Validation Error", schema: httpValidationErrorSchema },
};

function check(part: Part, schema: z.ZodType | undefined, input: unknown, errors: ValidationError[]): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  errors.push(...toValidationErrors(part, result.error.issues, input));
  return undefined;
}

/** The framework calls what goes to the end of the path `*`. */
function withRest(name: string | undefined, params: unknown): unknown {
  if (name === undefined || typeof params !== "object" || params === null || !("*" in params)) return params;
  return { ...params, [name]: params["*"] };
}

function checkBody(spec: EndpointSpec, request: FastifyRequest, errors: ValidationError[]): unknown {
  if (spec.body === undefined) return undefined;
  const body = readJsonBody(request.body, request.headers);
  switch (body.kind) {
    case "value":
      return check("body", spec.body, body.value, errors);
    case "none":
      if (spec.bodyOptional) return check("body", spec.body, {}, errors);
      errors.push(missing("body", []));
      return undefined;
    case "broken":
      errors.push(body.error);
      return undefined;
  }
}

/** A repeated parameter counts by its last value, unless the schema takes a list. */
function lastOfEach(schema: z.ZodObject | undefined, query: unknown): unknown {
  if (schema === undefined || typeof query !== "object" || query === null) return query;
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      const values: unknown[] = Array.isArray(value) ? value : [value];
      return [name, takesList(schema.shape[name]) ? values : values.at(-1)];
    }),
  );
}

function takesList(schema: unknown): boolean {
  let inner = schema;
  while (inner instanceof z.ZodType && !(inner instanceof z.ZodArray)) {
    if (inner instanceof z.ZodDefault || inner instanceof z.ZodOptional) inner = inner.unwrap();
    // A preprocessed schema is a pipe into the one that it is read by.
    else if (inner instanceof z.ZodPipe) inner = inner.out;
    else return false;
  }
  return inner instanceof z.ZodArray;
}
