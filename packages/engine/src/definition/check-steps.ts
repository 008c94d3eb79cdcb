import { ERROR_CODES, MillraceError } from "@millrace/protocol";
import type { AdapterRegistry, AnyAdapter } from "../adapter.ts";
import { compileExpression, type Expression } from "../expression.ts";
import { type CheckedConfig, checkConfig } from "./check-config.ts";
import { expressionHint, tryCompile } from "./expression-hints.ts";
import type { FindingList } from "./finding-list.ts";
import { suggestName } from "./nearest.ts";
import { type Path, shorten } from "./path.ts";
import type { PlaceholderSource } from "./placeholder-source.ts";
import { isEmpty, type Mapping, type Tree, textOf, valueAt } from "./tree.ts";

/** One adapter of a chain, as far as it could be checked. */
export interface CheckedStep {
  readonly name: string;
  /** Null where its type is not known. */
  readonly adapter: AnyAdapter | null;
  /** Whether it is named by the path of a file: types have neither dots nor slashes. */
  readonly fromFile: boolean;
  /** Null where it does not fit. */
  readonly config: CheckedConfig | null;
  readonly condition: Expression | null;
  /** The config as it is written; undefined where there is none. */
  readonly configTree: Tree | undefined;
  readonly configPath: Path;
}

/** Checks every adapter of every route, whatever else is wrong with them; by route, in order. */
export async function checkSteps(
  root: Mapping,
  registry: AdapterRegistry,
  source: PlaceholderSource,
  findings: FindingList,
): Promise<Map<string, CheckedStep[]>> {
  const checker = new StepChecker(registry, source, findings);
  const checked = new Map<string, CheckedStep[]>();
  const routes = valueAt(root, "routes");
  if (routes?.kind !== "mapping") return checked;
  for (const [route, entry] of routes.entries) {
    // Nothing that is found now would be shown, and each type may be a file to load.
    if (findings.full) break;
    checked.set(route, await checker.chain(valueAt(entry.value, "adapters"), ["routes", route, "adapters"]));
  }
  return checked;
}

class StepChecker {
  readonly #registry: AdapterRegistry;
  readonly #source: PlaceholderSource;
  readonly #findings: FindingList;
  /** By type; a text says why it cannot be loaded. */
  readonly #resolved = new Map<string, AnyAdapter | string | undefined>();

  constructor(registry: AdapterRegistry, source: PlaceholderSource, findings: FindingList) {
    this.#registry = registry;
    this.#source = source;
    this.#findings = findings;
  }

  async chain(adapters: Tree | undefined, path: Path): Promise<CheckedStep[]> {
    if (adapters?.kind !== "list") return [];
    const names = this.#givenNames(adapters.items, path);
    const steps: CheckedStep[] = [];
    let gathers = false;
    for (const [index, item] of adapters.items.entries()) {
      if (this.#findings.full) break;
      const step = await this.#step(item, [...path, index], names);
      steps.push(step);
      if (step.adapter?.gather === undefined) continue;
      const isolation = valueAt(item, "isolation");
      if (isolation !== undefined && textOf(isolation) === "thread") {
        this.#findings.add(
          "W508",
          { path: [...path, index, "isolation"], offset: isolation.offset },
          `\`isolation: thread\` has no effect here: "${step.adapter.type}" gathers messages, which the engine does for it`,
          "Leave it out.",
        );
      }
      if (gathers) {
        this.#findings.add(
          "E113",
          { path: [...path, index, "type"], offset: (valueAt(item, "type") ?? item).offset },
          `"${step.adapter.type}" gathers messages, and so does an adapter before it in the route`,
          "Put the second into a route of its own, and name that in `outbound`.",
        );
      }
      gathers = true;
    }
    return steps;
  }

  async #step(item: Tree, path: Path, names: StepNames): Promise<CheckedStep> {
    const typeNode = valueAt(item, "type");
    const type = textOf(typeNode);
    const configTree = valueAt(item, "config");
    const configPath = [...path, "config"];
    const adapter =
      typeNode === undefined || type === undefined || type === ""
        ? null
        : await this.#resolve(type, [...path, "type"], typeNode.offset);
    const config =
      adapter === null
        ? null
        : await checkConfig(
            { adapter, tree: configTree, step: item, path: configPath, source: this.#source },
            this.#findings,
          );
    return {
      name: textOf(valueAt(item, "name")) ?? names.takeFor(adapter?.type ?? type ?? ""),
      adapter,
      fromFile: /[./]/.test(type ?? ""),
      config,
      condition: this.#condition(valueAt(valueAt(item, "condition"), "when"), path),
      configTree: isEmpty(configTree) ? undefined : configTree,
      configPath,
    };
  }

  /** The names that are written, each once; a second one of the same is a finding. */
  #givenNames(items: readonly Tree[], path: Path): StepNames {
    const names = new StepNames();
    for (const [index, item] of items.entries()) {
      const node = valueAt(item, "name");
      const name = textOf(node);
      if (node === undefined || name === undefined) continue;
      if (names.take(name)) continue;
      this.#findings.add(
        "E111",
        { path: [...path, index, "name"], offset: node.offset },
        `Another adapter of this route has the name "${shorten(name, 128)}"`,
        "Give each its own name: events and statistics tell them apart by it.",
      );
    }
    return names;
  }

  async #resolve(type: string, path: Path, offset: number): Promise<AnyAdapter | null> {
    if (!this.#resolved.has(type)) this.#resolved.set(type, await this.#ask(type));
    const found = this.#resolved.get(type);
    const shown = shorten(type, 200);
    if (found === undefined) {
      const known = this.#registry.list().map((adapter) => adapter.type);
      const suggestion = suggestName(type, known, "types") ?? "`millrace adapters` lists the types that are there.";
      this.#findings.add("E103", { path, offset }, `Unknown adapter type "${shown}"`, suggestion);
      return null;
    }
    if (typeof found !== "string") return found;
    const suggestion = "Name a .ts or .js file whose default export is defineAdapter({…}).";
    this.#findings.add("E112", { path, offset }, found, suggestion);
    return null;
  }

  async #ask(type: string): Promise<AnyAdapter | string | undefined> {
    try {
      return await this.#registry.resolve(type);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const known = error instanceof MillraceError ? ERROR_CODES[error.code].summary : "It cannot be loaded.";
      const line = message.split("\n", 1)[0] || known;
      // The registry's own words name the file and say what to do.
      return shorten(error instanceof MillraceError ? line : `The adapter "${type}" cannot be loaded: ${line}`, 1_500);
    }
  }

  #condition(node: Tree | undefined, path: Path): Expression | null {
    const source = textOf(node);
    if (node === undefined || source === undefined || source === "") return null;
    const { compiled, problem } = tryCompile(() => compileExpression(source));
    if (problem !== null) {
      const place = { path: [...path, "condition", "when"], offset: node.offset };
      this.#findings.add("E401", place, `The condition does not compile: ${problem}`, expressionHint(source));
    }
    return compiled;
  }
}

/** The names of a route's adapters. */
class StepNames {
  readonly #taken = new Set<string>();
  /** By type: the last number that was given, so that many of one type are numbered in linear time. */
  readonly #numbers = new Map<string, number>();

  /** False where the name is taken. */
  take(name: string): boolean {
    if (this.#taken.has(name)) return false;
    this.#taken.add(name);
    return true;
  }

  /** The type, or where that is taken the type with a number. */
  takeFor(type: string): string {
    let name = type;
    let number = this.#numbers.get(type) ?? 1;
    while (!this.take(name)) {
      number += 1;
      name = `${type}-${number}`;
    }
    this.#numbers.set(type, number);
    return name;
  }
}
