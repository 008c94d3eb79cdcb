import type { JsonObject, ValidationReport } from "@millrace/protocol";
import type { AdapterRegistry } from "../adapter.ts";
import { checkDocument, pipelineOf } from "./check-document.ts";
import { checkLinks } from "./check-links.ts";
import { checkSettings } from "./check-settings.ts";
import { checkSteps } from "./check-steps.ts";
import { compile } from "./compile.ts";
import type { Definition } from "./definition.ts";
import { FindingList } from "./finding-list.ts";
import { LineIndex } from "./line-index.ts";
import { parseYaml } from "./parse-yaml.ts";
import { type Environment, environmentSource, type PlaceholderSource } from "./placeholder-source.ts";
import { textOf, toJson, valueAt } from "./tree.ts";
import { buildTree } from "./tree-builder.ts";

/** What a definition is loaded with. */
export interface LoadDefinitionOptions {
  /** The adapters that are present. */
  readonly adapters: AdapterRegistry;
  /** Where `${env:NAME}` and `${secret:NAME}` are looked up; default: in `env`. */
  readonly source?: PlaceholderSource;
  /** The environment in which they are looked up without `source`; default: nothing is set. */
  readonly env?: Environment;
  /** Whether a document without a `name` is an error; default false. */
  readonly requireName?: boolean;
}

/** A definition, or why there is none. */
export interface LoadedDefinition {
  /** All findings, errors first, each group in the order of the document. */
  readonly report: ValidationReport;
  /** Null exactly where the report has an error. */
  readonly definition: Definition | null;
  /** The document's `name`, also where there are errors; null where it has none. */
  readonly name: string | null;
  /** The document's `description`, likewise. */
  readonly description: string | null;
  /** False where the text is no YAML, or refused as YAML (`E001`, `E003` to `E006`, `E011`). */
  readonly parsable: boolean;
  /** The values of its secrets, by name: what comes of the text is another thing where they change. Never shown. */
  readonly secrets: ReadonlyMap<string, string>;
  /** What a secret of it waits for: it may load in a while, as it is. Null where that is not what is wrong with it. */
  readonly awaits: string | null;
}

const NO_SECRETS: ReadonlyMap<string, string> = new Map();

/**
 * Reads a pipeline: parses its YAML, checks all of it, and compiles it. Never throws for what is in the text, whatever
 * that is; size, depth and what aliases expand to are bounded.
 *
 * @example
 * const { report, definition } = await loadDefinition(yaml, { adapters, env: process.env });
 * if (definition === null) for (const issue of report.issues) console.error(issue.line, issue.code, issue.message);
 */
export async function loadDefinition(yaml: string, options: LoadDefinitionOptions): Promise<LoadedDefinition> {
  // A byte order mark is no part of the text, nor of the first line's columns.
  const text = yaml.startsWith("\uFEFF") ? yaml.slice(1) : yaml;
  const findings = new FindingList(new LineIndex(text));
  const refused = {
    definition: null,
    name: null,
    description: null,
    parsable: false,
    secrets: NO_SECRETS,
    awaits: null,
  };
  const parsed = parseYaml(text, findings);
  if (parsed === null) return { report: findings.report(), ...refused };
  const tree = buildTree(parsed, findings);
  if (tree === null) return { report: findings.report(), ...refused };

  const root = pipelineOf(tree, findings);
  if (root === null) return { report: findings.report(), ...refused, parsable: true };
  const document = checkDocument(root, findings);
  const name = textOf(valueAt(root, "name")) || null;
  const description = textOf(valueAt(root, "description")) || null;
  if (options.requireName === true && valueAt(root, "name") === undefined) {
    const place = { path: ["name"], offset: root.offset };
    findings.add("E102", place, 'The required field "name" is missing', "Add a `name` for the pipeline.");
  }
  const source = options.source ?? environmentSource(options.env ?? {});
  const steps = await checkSteps(root, options.adapters, source, findings);
  checkLinks(root, steps, findings);
  checkSettings(root, findings);

  const report = findings.report();
  const definition =
    // A mapping becomes an object.
    report.is_valid && document !== null ? compile(document, toJson(root) as JsonObject, steps) : null;
  const secrets = new Map([...steps.values()].flat().flatMap(({ config }) => [...(config?.secrets ?? NO_SECRETS)]));
  const isAway =
    report.error_count > 0 && report.issues.every(({ code, severity }) => severity !== "error" || code === "E408");
  const awaits = isAway ? (report.issues[0]?.message ?? null) : null;
  return { report, definition, name, description, parsable: true, secrets, awaits };
}
