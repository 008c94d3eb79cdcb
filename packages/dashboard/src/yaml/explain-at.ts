import type { JsonObject } from "@millrace/client";
import { asObject, fieldsOf, type Path, schemasAt, textOf } from "../schema/json-schema.ts";
import { parseYaml, toPlain } from "./parse.ts";
import { spotAt } from "./place.ts";
import { factsOf } from "./suggestions.ts";

/** What is known of a word of a pipeline: for completion and for who points at it. */
export interface Explained {
  readonly title: string;
  readonly description: string | null;
  readonly facts: readonly (readonly [name: string, text: string])[];
}

/** What a word means, and where it stands. */
export interface ExplainedSpot extends Explained {
  readonly from: number;
  readonly to: number;
}

/** Explains the key or the value at a position of a pipeline; null where there is nothing to say. */
export function explainAt(text: string, position: number, schema: JsonObject): ExplainedSpot | null {
  const document = parseYaml(text);
  const spot = spotAt(document, position);
  if (spot === null) return null;
  const root = asObject(toPlain(document));
  const { kind, path, from, to } = spot;
  const schemas = schemasAt(schema, path, root);
  const word = String(path.at(-1));
  const written = text.slice(from, to);
  if (kind === "value") {
    const chosen = schemas.find((each) => each.const !== undefined && each.const === plain(written));
    if (chosen !== undefined && typeof chosen.description === "string")
      return { from, to, title: written, description: chosen.description, facts: [] };
    if (schemas.some(({ format }) => format === "route")) {
      const route = asObject(root.routes)[plain(written)];
      const { name, description } = asObject(route);
      const label = typeof name === "string" ? name : null;
      const said =
        route === undefined ? "There is no such route." : typeof description === "string" ? description : label;
      return said === null ? null : { from, to, title: `Route ${plain(written)}`, description: said, facts: [] };
    }
  }
  // A list's item is explained by the list's name.
  const named = typeof path.at(-1) === "number" ? path.slice(0, -1) : path;
  return explainField(schema, named, root, typeof path.at(-1) === "number" ? String(named.at(-1)) : word, { from, to });
}

function explainField(
  schema: JsonObject,
  path: Path,
  root: JsonObject,
  title: string,
  range: { from: number; to: number },
): ExplainedSpot | null {
  const parent = fieldsOf(schema, schemasAt(schema, path.slice(0, -1), root));
  const isRequired = parent.some(({ name, isRequired: must }) => must && name === path.at(-1));
  const schemas = schemasAt(schema, path, root);
  if (schemas.length === 0) return null;
  return { ...range, title, description: textOf(schemas, "description"), facts: factsOf(schemas, isRequired) };
}

function plain(written: string): string {
  return written.replace(/^(["'])(.*)\1$/, "$2");
}
