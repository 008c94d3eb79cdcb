import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { z } from "zod";

/** A JSON Schema, of which only what is needed is looked at. */
export type Schema = { readonly [key: string]: unknown };

/** A documented answer of an operation. */
export interface DocumentedAnswer {
  /** By media type; empty where there is no body. */
  readonly bodies: ReadonlyMap<string, Validators>;
}

/** What a body is held against. */
export interface Validators {
  readonly valid: ValidateFunction;
  /** As `valid`, but fields that are not documented do not fit either. */
  readonly complete: ValidateFunction;
}

/** One operation of the document, as requests are made of it. */
export interface Operation {
  readonly id: string;
  readonly method: string;
  /** With parameters as `{name}`. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: { readonly required: boolean; readonly schema: Schema } | null;
  readonly answers: ReadonlyMap<number, DocumentedAnswer>;
}

/** A parameter of an operation. */
export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: Schema;
}

const schemaSchema = z.record(z.string(), z.unknown());
const contentSchema = z.record(z.string(), z.object({ schema: schemaSchema }));
const documentSchema = z.object({
  openapi: z.literal("3.1.0"),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        operationId: z.string(),
        parameters: z
          .array(
            z.object({
              name: z.string(),
              in: z.enum(["path", "query", "header"]),
              required: z.boolean(),
              schema: schemaSchema,
            }),
          )
          .default([]),
        requestBody: z.object({ required: z.boolean(), content: contentSchema }).optional(),
        responses: z.record(z.string(), z.object({ content: contentSchema.default({}) })),
      }),
    ),
  ),
  components: z.object({ schemas: z.record(z.string(), schemaSchema) }),
});

/** The document of a service: its operations, and what validates their answers. */
export class ContractDocument {
  readonly operations: readonly Operation[];
  readonly #schemas: Readonly<Record<string, Schema>>;

  private constructor(operations: readonly Operation[], schemas: Readonly<Record<string, Schema>>) {
    this.operations = operations;
    this.#schemas = schemas;
  }

  /** @throws ZodError where it is no OpenAPI 3.1, or has what requests are not made of */
  static parse(json: unknown): ContractDocument {
    const { paths, components } = documentSchema.parse(json);
    const valid = compilerOf(components.schemas, (schema) => schema);
    const complete = compilerOf(components.schemas, closed);
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): Operation => {
        const body = operation.requestBody?.content["application/json"];
        return {
          id: operation.operationId,
          method: method.toUpperCase(),
          path,
          parameters: operation.parameters,
          body: body === undefined ? null : { required: operation.requestBody?.required ?? false, schema: body.schema },
          answers: new Map(
            Object.entries(operation.responses).map(([status, { content }]) => [
              Number(status),
              {
                bodies: new Map(
                  Object.entries(content).map(([type, { schema }]) => [
                    type,
                    { valid: valid(schema), complete: complete(schema) },
                  ]),
                ),
              },
            ]),
          ),
        };
      }),
    );
    return new ContractDocument(operations, components.schemas);
  }

  /** The schema behind a reference; any other one as it is. */
  resolve(schema: Schema): Schema {
    const { $ref: reference } = schema;
    if (typeof reference !== "string") return schema;
    const found = this.#schemas[reference.replace("#/components/schemas/", "")];
    if (found === undefined) throw new Error(`The document has no ${reference}.`);
    return found;
  }
}

function compilerOf(components: Readonly<Record<string, Schema>>, change: (schema: Schema) => Schema) {
  const ajv = new Ajv2020({ allErrors: false, strict: true, strictTypes: false, validateFormats: true });
  // The package is CommonJS: its function is the default export's own.
  formats.default(ajv);
  ajv.addFormat("binary", true);
  ajv.addKeyword("example");
  const located = (schema: Schema): Schema =>
    JSON.parse(JSON.stringify(change(schema)).replaceAll('"#/components/schemas/', '"openapi#/$defs/'));
  // More may stand beside an error: what a machine needs to know of it.
  const kept = Object.entries(components).map(
    ([name, schema]) => [name, name === "ErrorResponse" ? schema : located(schema)] as const,
  );
  ajv.addSchema({ $id: "openapi", $defs: Object.fromEntries(kept) });
  return (schema: Schema): ValidateFunction => ajv.compile(located(schema));
}

/** A schema whose objects have no other fields than those that it names. */
function closed(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
    if (typeof value !== "object" || value === null || !("properties" in value) || "additionalProperties" in value)
      return value;
    return "type" in value && value.type === "object" ? { ...value, additionalProperties: false } : value;
  });
}
