import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@millrace/protocol";
import { readSettings, serve } from "@millrace/server";
import { pino } from "pino";
import type {
  OpenApiContent,
  OpenApiDocument,
  OpenApiOperation,
  OpenApiParameter,
} from "../packages/server/src/http/openapi.ts";
import { apiExamples, apiPathValues, apiPreamble } from "./api-examples.ts";
import { cell, code, descriptionOf, fieldsOf, objectOf, type Refer, wordsOf } from "./schema-words.ts";

/** An operation, and where it is. */
export interface ApiOperation {
  readonly method: string;
  readonly path: string;
  readonly operation: OpenApiOperation;
}

/** The description of the API that a service of this version gives. */
export async function readOpenApi(): Promise<OpenApiDocument> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-openapi-"));
  const { settings } = readSettings({ flags: { port: "0", data_dir: folder }, env: {}, configFile: undefined });
  const server = await serve(settings, pino({ level: "silent" }));
  try {
    // The service makes it of that very type.
    return (await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApiDocument;
  } finally {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The pages of the API's reference by file name: an index, one for each group of operations, and what bodies are made of. */
export function apiPages(document: OpenApiDocument, note: string): Map<string, string> {
  const groups = Map.groupBy(operationsOf(document), ({ operation }) => operation.tags[0] ?? "Other");
  const pages = new Map<string, string>();
  pages.set("README.md", indexPage(groups, note));
  for (const [group, operations] of groups) pages.set(fileOf(group), groupPage(group, operations, note));
  pages.set("bodies.md", bodiesPage(document, note));
  return pages;
}

/** Every operation of the API, in the document's order. */
export function operationsOf(document: OpenApiDocument): ApiOperation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
}

/** A command that calls an operation; `apiPreamble` sets what it uses. */
export function exampleOf({ method, path, operation }: ApiOperation): string {
  const given = apiExamples[operation.operationId];
  if (given !== undefined) return given;
  if (operation.requestBody?.required) {
    throw new Error(`scripts/api-examples.ts has no example of ${operation.operationId} (${method} ${path}).`);
  }
  const filled = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
    const value = apiPathValues[name];
    if (value === undefined) {
      throw new Error(
        `scripts/api-examples.ts says neither what ${operation.operationId} looks like nor what {${name}} is.`,
      );
    }
    return value;
  });
  const url = filled.startsWith("/api/v1")
    ? `"$base${filled.slice("/api/v1".length)}"`
    : `http://127.0.0.1:8000${filled}`;
  return `curl -s ${method === "GET" ? "" : `-X ${method} `}${url}`;
}

const fileOf = (group: string) => `${group.toLowerCase().replaceAll(" ", "-")}.md`;
const refer: Refer = (reference) => {
  const name = reference.split("/").at(-1) ?? "";
  return name === "JsonValue" ? "any JSON" : `[${name}](bodies.md#${name.toLowerCase()})`;
};

/** Within the page of bodies a link needs no file. */
const referHere: Refer = (reference) => refer(reference).replace("bodies.md", "");

function indexPage(groups: ReadonlyMap<string, readonly ApiOperation[]>, note: string): string {
  const sections = [...groups].map(([group, operations]) => {
    const rows = operations.map(
      ({ method, path, operation }) =>
        `| \`${method}\` | [\`${path}\`](${fileOf(group)}#${anchorOf(operation.summary)}) | ${cell(operation.summary)} |`,
    );
    return `## ${group}\n\n| method | path | does |\n| --- | --- | --- |\n${rows.join("\n")}`;
  });
  return `${note}

# API reference

Every operation of the HTTP API, from the OpenAPI document that the service has at \`/openapi.json\` (as a page at \`/docs\`).
[The HTTP API](../../http-api.md) explains how they go together: bodies, ids, lists, errors. Any answer may also be one of the
errors that [all requests may have](../errors.md#in-answers), such as 400 \`REQUEST_MALFORMED\` or 413 \`PAYLOAD_TOO_LARGE\`.

${sections.join("\n\n")}

## The examples

They are commands for a shell, in Millrace's folder, with the service started (\`npm start\`), after these:

\`\`\`sh
${apiPreamble}
\`\`\`
`;
}

function groupPage(group: string, operations: readonly ApiOperation[], note: string): string {
  return `${note}

# API: ${group.toLowerCase()}

${operations.map(section).join("\n\n")}

[All operations](README.md) · [What bodies and answers are made of](bodies.md) · [What the examples stand on](README.md#the-examples)
`;
}

function section(each: ApiOperation): string {
  const { method, path, operation } = each;
  const parts = [`## ${operation.summary}`, `\`\`\`http\n${method} ${path}\n\`\`\``];
  if (operation.description !== undefined) parts.push(operation.description);
  if (operation.parameters.length > 0) parts.push(`**Parameters**\n\n${parameterTable(operation.parameters)}`);
  const body = operation.requestBody;
  if (body !== undefined)
    parts.push(`**Body**${body.required ? "" : ", which may be left out"}\n\n${contentOf(body.content)}`);
  parts.push(`**Answers**\n\n${answers(operation)}`, `**Example**\n\n\`\`\`shell\n${exampleOf(each)}\n\`\`\``);
  return parts.join("\n\n");
}

function parameterTable(parameters: readonly OpenApiParameter[]): string {
  const rows = parameters.map(({ name, in: place, required, schema, description }) => {
    const json = asJson(schema);
    return `| \`${name}\` | ${place} | ${cell(wordsOf(json, refer))} | ${defaultOf(json, required)} | ${cell(description ?? "")} |`;
  });
  return `| name | in | takes | default | meaning |\n| --- | --- | --- | --- | --- |\n${rows.join("\n")}`;
}

function answers(operation: OpenApiOperation): string {
  const rows = Object.entries(operation.responses).map(([status, { description, content }]) => {
    const [type, media] = Object.entries(content ?? {})[0] ?? [];
    const schema = media === undefined ? null : asJson(media.schema);
    const body =
      schema === null
        ? ""
        : type === "application/json"
          ? schema.$ref
            ? wordsOf(schema, refer)
            : "below"
          : code(type ?? "");
    return { status, row: `| ${status} | ${cell(description)} | ${body} |`, schema: body === "below" ? schema : null };
  });
  const table = `| status | meaning | body |\n| --- | --- | --- |\n${rows.map(({ row }) => row).join("\n")}`;
  const below = rows.flatMap(({ status, schema }) =>
    schema === null ? [] : [`Body with ${status}:\n\n${fieldTable(schema, refer, "answer")}`],
  );
  return [table, ...below].join("\n\n");
}

function contentOf(content: OpenApiContent): string {
  return Object.values(content)
    .map(({ schema }) => fieldTable(asJson(schema), refer, "body"))
    .join("\n\n");
}

function bodiesPage(document: OpenApiDocument, note: string): string {
  const sections = Object.entries(document.components.schemas)
    .filter(([name]) => name !== "JsonValue")
    .map(([name, value]) => {
      const schema = asJson(value);
      const description = typeof schema.description === "string" ? `${schema.description}\n\n` : "";
      return `## ${name}\n\n${description}${fieldTable(schema, referHere, "answer")}`;
    });
  return `${note}

# API: bodies

What bodies and answers are made of. A later version may add fields to an answer.

${sections.join("\n\n")}
`;
}

/** The fields of a body that is sent, with their defaults, or of one that is answered: there those that may be missing. */
function fieldTable(schema: JsonObject, name: Refer, of: "body" | "answer"): string {
  const fields = fieldsOf(schema);
  if (fields.length === 0) return `${capital(wordsOf(schema, name))}.`;
  const rows = fields.map(({ name: path, schema: field, required }) => {
    const description = descriptionOf(field);
    const there = of === "body" ? defaultOf(field, required) : required ? "always" : "sometimes";
    return `| \`${path}\` | ${cell(wordsOf(field, name))} | ${there} | ${description} |`;
  });
  const head = of === "body" ? "| field | takes | default | meaning |" : "| field | holds | there | meaning |";
  return `${head}\n| --- | --- | --- | --- |\n${rows.join("\n")}`;
}

function defaultOf(schema: JsonObject, required: boolean): string {
  if (schema.default !== undefined) return code(schema.default);
  return required ? "required" : "";
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** How GitHub, and the site, name the place of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

// What `OpenApiDocument` calls a schema is an object of JSON.
const asJson = (schema: object) => objectOf(schema as JsonObject);
