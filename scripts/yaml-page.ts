import { pipelineJsonSchema } from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import { cell, code, descriptionOf, objectOf, wordsOf } from "./schema-words.ts";

/** The reference of the pipeline's YAML, from its JSON Schema. */
export function yamlPage(note: string): string {
  const document = pipelineJsonSchema([]);
  const at = (schema: JsonObject, ...names: string[]) => names.reduce((inner, name) => objectOf(inner[name]), schema);
  const route = at(document, "properties", "routes", "additionalProperties");
  const step = at(route, "properties", "adapters", "items");
  const inMapping = (schema: JsonObject, name: string) => at(schema, "properties", name);
  return `${note}

# The keys of a pipeline

Every key of the YAML, from the JSON Schema that \`millrace schema\` prints. [The pipeline's YAML](../pipeline.md) explains them
with examples; a key that is not here is [an error](findings/E101.md). What the \`config\` of each type of adapter takes is on
[the adapters' pages](../adapters/README.md).

## The document

${table(document)}
| \`x-…\` | anything | | Yours, and ignored: a place for anchors |

## limits

${table(inMapping(document, "limits"))}

## error_handling

At the top for all routes; in a route, what is given there takes the place of the top's, field by field.

${table(inMapping(document, "error_handling"))}

## routes.*

The keys are the routes' names: ${patternOf(at(document, "properties", "routes", "propertyNames"))}.

${table(route)}

## routes.*.inbound

${table(inMapping(route, "inbound"))}

## routes.*.adapters[]

${table(step)}

## routes.*.adapters[].condition

${table(inMapping(step, "condition"))}

## init_message

${table(inMapping(document, "init_message"))}

## Environment

In any text of a \`config\`, \`\${env:NAME}\` stands for the variable \`NAME\`, where pipelines may read it, and \`\${secret:NAME}\` for
the secret \`NAME\`, which is the variable \`MILLRACE_SECRET_NAME\`, a file, or kept by a server ([secrets](../guides/secrets.md)).
`;
}

function table(schema: JsonObject): string {
  const required = Array.isArray(schema.required) ? schema.required : [];
  const rows = Object.entries(objectOf(schema.properties)).map(([name, value]) => {
    const field = objectOf(value);
    const fallback = required.includes(name) ? "required" : field.default === undefined ? "" : code(field.default);
    const description = descriptionOf(field);
    return `| \`${name}\` | ${cell(takes(name, field))} | ${fallback} | ${description} |`;
  });
  return `| key | takes | default | meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}`;
}

/** Mappings with keys of their own have a table below; so has what a list holds. */
function takes(name: string, field: JsonObject): string {
  if (name === "routes") return "mapping of at least one route";
  // Which types there are depends on the adapters that are present.
  if (name === "type") return "text";
  return wordsOf(field, (reference) => reference);
}

function patternOf(schema: JsonObject): string {
  return typeof schema.pattern === "string" ? `\`${schema.pattern}\`` : "any text";
}
