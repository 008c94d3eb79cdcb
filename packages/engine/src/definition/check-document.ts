import { type PipelineDocument, pipelineDocumentSchema, ROUTE_NAME, routeSchema } from "@millrace/protocol";
import { ConfigSchema } from "./config-schema.ts";
import type { FindingList } from "./finding-list.ts";
import { type Path, shorten } from "./path.ts";
import { isEmpty, type Mapping, type Tree, toJson, valueAt } from "./tree.ts";
import { valueWords } from "./value-words.ts";
import { addIssues, type Checked, type Fault, type Refinement } from "./zod-issues.ts";

const STRUCTURE_CODES = {
  unknown: "E101",
  missing: "E102",
  type: "E104",
  range: "E105",
  choice: "E106",
  form: "E105",
  other: "E105",
} as const;

/** Keys at the top that begin so are the user's own: a place for anchors. */
const OWN_KEYS = "x-";

/**
 * The mapping that is the pipeline: without the user's own `x-` keys, and with a version that was written as the number
 * 1.0 read as the text that was meant. Null, with a finding, where the document is no mapping.
 */
export function pipelineOf(tree: Tree, findings: FindingList): Mapping | null {
  if (isEmpty(tree)) {
    findings.add(
      "E007",
      { path: [], offset: 0 },
      "The document is empty",
      'Begin with `version: "1.0"` and `routes:`.',
    );
    return null;
  }
  if (tree.kind !== "mapping") {
    if (tree.kind !== "unknown") {
      const message = `Expected a mapping as the whole document, got ${valueWords(tree)}`;
      findings.add("E008", { path: [], offset: tree.offset }, message, 'Begin with `version: "1.0"` and `routes:`.');
    }
    return null;
  }
  const entries = new Map([...tree.entries].filter(([key]) => !key.startsWith(OWN_KEYS)));
  const version = entries.get("version");
  if (version?.value.kind === "scalar" && version.value.value === 1 && version.value.written === "1.0") {
    entries.set("version", { ...version, value: { ...version.value, value: "1.0" } });
  }
  return { ...tree, entries };
}

/** Checks the structure against the schema: the typed document, or null where there is an error. */
export function checkDocument(root: Mapping, findings: FindingList): PipelineDocument | null {
  const json = toJson(root);
  const checked: Checked = {
    tree: root,
    value: json,
    base: [],
    schema: ConfigSchema.of(pipelineDocumentSchema),
    where: "",
    codes: STRUCTURE_CODES,
    refine,
  };
  const result = pipelineDocumentSchema.safeParse(json);
  if (!result.success) addIssues(result.error.issues, checked, findings);

  const routes = valueAt(root, "routes");
  if (routes?.kind === "mapping") {
    if (routes.entries.size === 0 && !routes.incomplete) addNoRoutes(findings, routes);
    // The schema does not look into a route whose name it refuses.
    for (const [name, { value }] of routes.entries) {
      if (ROUTE_NAME.test(name)) continue;
      const route = toJson(value);
      const inner = routeSchema.safeParse(route);
      if (inner.success) continue;
      const schema = ConfigSchema.of(routeSchema);
      addIssues(
        inner.error.issues,
        { ...checked, tree: value, value: route, base: ["routes", name], schema },
        findings,
      );
    }
  }
  return result.success ? result.data : null;
}

function addNoRoutes(findings: FindingList, routes: Tree): void {
  findings.add("E109", { path: ["routes"], offset: routes.offset }, "The pipeline has no routes", "Add at least one.");
}

/** Where the general words are not the best ones. */
function refine(fault: Fault, path: Path, node: Tree | undefined): Refinement | null {
  const [top, route, field] = path;
  if (top === "version" && path.length === 1) {
    if (fault === "missing") return { suggestion: 'Add version: "1.0".' };
    const got = node === undefined ? "this" : valueWords(node);
    return { code: "E107", message: `The version is not known: ${got}`, suggestion: 'Write version: "1.0".' };
  }
  if (top === "limits" && fault === "range") return { code: "E501" };
  if (top !== "routes") return null;
  if (fault === "type" && node?.kind === "scalar" && typeof node.value === "string") {
    if (path.length === 4 && field === "adapters")
      return { suggestion: `Write it as { type: ${shorten(node.value, 40)} }.` };
    if (path.at(-1) === "condition")
      return { suggestion: `Write it as { when: ${JSON.stringify(shorten(node.value, 40))} }.` };
  }
  if (path.length === 1 && isEmpty(node)) {
    return { code: "E109", message: "The pipeline has no routes", suggestion: "Add at least one." };
  }
  if (path.length === 2 && fault === "form") {
    return {
      code: "E108",
      message: `${JSON.stringify(route)} is not a route's name`,
      suggestion: "Begin with a lower-case letter; then 63 of a to z, 0 to 9, _ and - at most.",
    };
  }
  if (path.length === 3 && field === "adapters") {
    if (isEmpty(node) || fault === "range") {
      return {
        code: "E110",
        message: `The route "${route}" has no adapters`,
        suggestion: "Add at least one, as `- type: log`.",
      };
    }
  }
  return null;
}
