import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { projectHeaders } from "../access/project-of.ts";
import { documentedResponses } from "./edge-responses.ts";
import type { Endpoint, ResponseSpec } from "./endpoint.ts";
import { headerName } from "./validation.ts";

/** A JSON Schema (2020-12), as OpenAPI 3.1 has it. */
export type JsonSchema = { readonly [key: string]: unknown };

/** A parameter of an operation. */
export interface OpenApiParameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

/** What a body holds, by media type. */
export type OpenApiContent = Readonly<Record<string, { readonly schema: JsonSchema; readonly example?: unknown }>>;

/** One method on one path. */
export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly parameters: readonly OpenApiParameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: OpenApiContent };
  /** Any of these opens it. */
  readonly security: readonly JsonSchema[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: OpenApiContent }>>;
}

/** The part of OpenAPI 3.1 that this service's document uses. */
export interface OpenApiDocument {
  readonly openapi: "3.1.0";
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description: string;
    readonly license: object;
  };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, JsonSchema>>;
  };
}

/** An OpenAPI 3.1 document of the endpoints that are not hidden, made of the schemas that validate them. */
export function openApiDocument(endpoints: readonly Endpoint[], version: string): OpenApiDocument {
  const schemas = new Schemas();
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  const tags = new Set<string>();
  for (const each of endpoints) {
    if (each.hidden) continue;
    tags.add(each.tag);
    paths[each.path] = { ...paths[each.path], [each.method.toLowerCase()]: describeOperation(each, schemas) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Millrace",
      version,
      description: "Runs message pipelines and lets anyone watch them run, live.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: [...tags].map((name) => ({ name })),
    paths,
    components: { schemas: schemas.all(), securitySchemes: SECURITY_SCHEMES },
  };
}

function describeOperation(each: Endpoint, schemas: Schemas): OpenApiOperation {
  const { body } = each;
  return {
    operationId: operationId(each),
    summary: each.summary,
    ...(each.description === undefined ? {} : { description: each.description }),
    tags: [each.tag],
    parameters: [
      ...describeParameters("path", each.params, schemas),
      ...describeParameters("query", each.query, schemas),
      ...describeParameters("header", each.headers, schemas),
      ...describeParameters("header", each.access === "open" ? undefined : projectHeaders, schemas),
    ],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: !each.bodyOptional,
            content: { "application/json": { schema: schemas.of(body, "input") } },
          },
        }),
    security: securityOf(each),
    responses: Object.fromEntries(
      Object.entries(documentedResponses(each)).map(([status, spec]) => [status, describeResponse(spec, schemas)]),
    ),
  };
}

/** `{}`: it can do without, as it is open to all, or where access control is off. */
function securityOf({ access, takesTicket }: Endpoint): readonly JsonSchema[] {
  if (access === "open") return [{}];
  return [{ bearer: [access] }, { session: [access] }, ...(takesTicket === true ? [{ ticket: [] }] : []), {}];
}

const SECURITY_SCHEMES = {
  bearer: {
    type: "http",
    scheme: "bearer",
    description:
      "An API key, `mr_…`, or a token of the OIDC issuer that the service trusts. The scopes are `read`, `run`, `write` and `admin`; each includes those before it.",
  },
  session: { type: "apiKey", in: "cookie", name: "millrace_session", description: "A session of the dashboard" },
  ticket: {
    type: "apiKey",
    in: "query",
    name: "ticket",
    description: "Of `POST /api/v1/executions/{execution_id}/events/ticket`, where no header can be set",
  },
} as const;

/** `GET /api/v1/executions/{execution_id}` is `getExecutionsExecutionId`: stable as long as the path is. */
function operationId({ method, path }: Endpoint): string {
  const words = path.replace("/api/v1", "").match(/[A-Za-z0-9]+/g) ?? [];
  return [method.toLowerCase(), ...words.map((word) => word.charAt(0).toUpperCase() + word.slice(1))].join("");
}

function describeParameters(
  place: OpenApiParameter["in"],
  schema: z.ZodObject | undefined,
  schemas: Schemas,
): OpenApiParameter[] {
  if (schema === undefined) return [];
  return Object.entries(schema.shape).map(([name, property]) => {
    // Every property of a request's schema is one of the library's own classes.
    const { description, ...rest } = schemas.of(property as z.ZodType, "input");
    return {
      name: place === "header" ? headerName(name) : name,
      in: place,
      required: place === "path" || !z.safeParse(property, undefined).success,
      ...(typeof description === "string" ? { description } : {}),
      schema: rest,
    };
  });
}

function describeResponse(spec: ResponseSpec, schemas: Schemas): OpenApiOperation["responses"][string] {
  const { description, schema, contentType = "application/json", example } = spec;
  if (schema === undefined) return { description };
  const media = { schema: schemas.of(schema, "output"), ...(example === undefined ? {} : { example }) };
  return { description, content: { [contentType]: media } };
}

/** Schemas with a name of their own (`.meta({id})`), each once, in `components`. */
class Schemas {
  readonly #named = new Map<string, JsonSchema>();

  of(schema: z.ZodType, io: "input" | "output"): JsonSchema {
    const made = z.toJSONSchema(schema, {
      io,
      unrepresentable: "any",
      override: ({ zodSchema, jsonSchema }) => tidy(zodSchema, jsonSchema, io),
    });
    // Plain JSON by construction; references move with the definitions.
    const {
      $schema: _,
      $defs,
      ...rest
    } = JSON.parse(
      JSON.stringify(made).replaceAll(
        /"#\/\$defs\/([^"]+)"/g,
        (_all, name) => `"#/components/schemas/${nameOf(name)}"`,
      ),
    );
    for (const [name, definition] of Object.entries<JsonSchema>($defs ?? {})) this.#add(nameOf(name), definition);
    return rest;
  }

  #add(name: string, { id: _, ...schema }: JsonSchema): void {
    const known = this.#named.get(name);
    if (known !== undefined && !isDeepStrictEqual(known, schema)) throw new Error(`Two schemas are named ${name}.`);
    this.#named.set(name, schema);
  }

  all(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.#named].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** The only schema that refers to itself is that of any JSON; the library numbers those that have no name. */
function nameOf(definition: string): string {
  return definition.startsWith("__schema") ? "JsonValue" : definition;
}

/** Formats that JSON Schema and OpenAPI know, of those that schemas here may have. */
const FORMATS: ReadonlySet<string> = new Set([
  "date-time",
  "date",
  "time",
  "duration",
  "email",
  "uri",
  "uuid",
  "binary",
]);

/** Takes out what a reader has no use for, and what would keep answers from growing. */
function tidy(zodSchema: z.core.$ZodTypes, schema: z.core.JSONSchema.BaseSchema, io: "input" | "output"): void {
  const { def } = zodSchema._zod;
  // A field that a later version adds to an answer must not make the answer invalid.
  if (io === "output" && def.type === "object" && def.catchall === undefined) delete schema.additionalProperties;
  // The library's own names for patterns are formats to nobody else.
  if (schema.format !== undefined && !FORMATS.has(schema.format)) delete schema.format;
  // The pattern of a format says the same in 400 characters.
  if (schema.format !== undefined) delete schema.pattern;
  // Left out by the library where a text is parsed before: in a query everything is one.
  if (def.type === "default") schema.default = def.defaultValue;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (def.type === "record") delete schema.propertyNames;
}
