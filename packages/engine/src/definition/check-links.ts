import type { CheckedStep } from "./check-steps.ts";
import type { FindingList } from "./finding-list.ts";
import { nearestName, suggestName } from "./nearest.ts";
import { type Path, shorten } from "./path.ts";
import { hasPlaceholder } from "./placeholders.ts";
import { locate, type Mapping, type Tree, textOf, valueAt } from "./tree.ts";

/**
 * Checks every name of a route that the document has (`outbound`, `init_message.route`, and those in configurations),
 * and warns of routes that nothing reaches.
 */
export function checkLinks(
  root: Mapping,
  steps: ReadonlyMap<string, readonly CheckedStep[]>,
  findings: FindingList,
): void {
  const routes = valueAt(root, "routes");
  if (routes?.kind !== "mapping") {
    checkInit(root, null, findings);
    return;
  }
  const links = new Links([...routes.entries.keys()], findings);
  for (const [route, { value }] of routes.entries) {
    links.outbound(route, valueAt(value, "outbound"));
    for (const step of steps.get(route) ?? []) links.references(route, step);
  }
  const start = checkInit(root, links, findings);
  if (start === null) return;
  const lonely = start.reachable ? links.unreachable(start.route) : links.withoutSource();
  // A first message that goes nowhere was meant for the only route that nothing else leads to.
  if (!start.reachable && lonely.length === 1) return;
  for (const route of lonely) {
    const keyOffset = routes.entries.get(route)?.keyOffset ?? routes.offset;
    findings.add(
      "W501",
      { path: ["routes", route], offset: keyOffset },
      `Nothing reaches the route "${shorten(route, 64)}"`,
      "Name it in the `outbound` of a route that is reached, or in `init_message.route`; or remove it.",
    );
  }
}

/** The route that the first message goes to; null where none can be told. */
function checkInit(
  root: Mapping,
  links: Links | null,
  findings: FindingList,
): { route: string; reachable: boolean } | null {
  const init = valueAt(root, "init_message");
  if (init === undefined) {
    findings.add(
      "W502",
      { path: [], offset: root.offset },
      "There is no `init_message`: an execution has nothing to do, and completes at once",
      "Add `init_message: { route: …, payload: {} }`.",
    );
    return null;
  }
  const node = valueAt(init, "route");
  const route = textOf(node);
  if (links === null || node === undefined || route === undefined) return null;
  const target = links.check("E201", ["init_message", "route"], node.offset, route, "`init_message`");
  return { route: target ?? route, reachable: target !== null };
}

/** The routes and what leads where. */
class Links {
  readonly #known: readonly string[];
  readonly #names: ReadonlySet<string>;
  readonly #findings: FindingList;
  readonly #targets = new Map<string, Set<string>>();

  constructor(known: readonly string[], findings: FindingList) {
    this.#known = known;
    this.#names = new Set(known);
    this.#findings = findings;
  }

  /**
   * Reports a name that no route has. Returns the route that is meant, also where it is only the nearest: a slip of the
   * pen is one finding, not also a warning that the route is not reached.
   */
  check(code: "E201" | "E202" | "E204", path: Path, offset: number, name: string, who: string): string | null {
    if (this.#names.has(name)) return name;
    // Comparing names is dear, and nobody would see the outcome.
    if (this.#findings.full) return null;
    const suggestion = suggestName(name, this.#known, "routes");
    this.#findings.add(
      code,
      { path, offset },
      `${who} names the route "${shorten(name, 100)}", which is not there`,
      suggestion,
    );
    return nearestName(name, this.#known);
  }

  outbound(route: string, outbound: Tree | undefined): void {
    // A single name is a finding of the structure's; it is followed all the same.
    const items = outbound?.kind === "list" ? outbound.items : outbound === undefined ? [] : [outbound];
    const seen = new Set<string>();
    for (const [index, item] of items.entries()) {
      const name = textOf(item);
      if (name === undefined) continue;
      const path = ["routes", route, "outbound", ...(outbound?.kind === "list" ? [index] : [])];
      if (seen.has(name)) {
        const message = `\`outbound\` names the route "${shorten(name, 100)}" twice`;
        this.#findings.add(
          "E203",
          { path, offset: item.offset },
          message,
          "Each route gets a message once; remove one.",
        );
        continue;
      }
      seen.add(name);
      this.#link(route, this.check("E202", path, item.offset, name, "`outbound`"));
    }
  }

  references(route: string, step: CheckedStep): void {
    const { adapter, config, configTree } = step;
    if (adapter === null || config === null) {
      // What it would have referred to cannot be asked; any text that is a route's name may be a reference.
      for (const text of textsOf(configTree)) this.#link(route, this.#names.has(text) ? text : null);
      return;
    }
    let references: readonly { readonly route: string; readonly path: Path }[];
    try {
      references = adapter.references?.(config.value).routes ?? [];
    } catch {
      const place = { path: step.configPath, offset: configTree?.offset ?? 0 };
      const message = `The adapter "${adapter.type}" could not say which routes its config names`;
      this.#findings.add("E308", place, message, "Correct the adapter's `references`.");
      return;
    }
    for (const reference of references) {
      const path = [...step.configPath, ...reference.path];
      const located = configTree === undefined ? null : locate(configTree, reference.path);
      const offset = located?.nearest.offset ?? 0;
      const written = textOf(located?.node);
      if (this.#names.has(reference.route)) this.#link(route, reference.route);
      else if (written !== undefined && hasPlaceholder(written)) {
        // What stands for a placeholder is not shown, nor what it is like.
        const message = `${JSON.stringify(shorten(written, 100))} stands for a route that is not there`;
        this.#findings.add("E204", { path, offset }, message, "Set it in the environment to the name of a route.");
      } else this.#link(route, this.check("E204", path, offset, reference.route, `The config of "${adapter.type}"`));
    }
  }

  /** The routes to which no way leads from `start`, in order. */
  unreachable(start: string): string[] {
    const reached = new Set([start]);
    // A set is iterated in the order of insertion, also over what is added meanwhile.
    for (const route of reached) for (const target of this.#targets.get(route) ?? []) reached.add(target);
    return this.#known.filter((route) => !reached.has(route));
  }

  /** The routes that no other route leads to, in order. */
  withoutSource(): string[] {
    const targets = new Set<string>();
    for (const [route, to] of this.#targets) for (const target of to) if (target !== route) targets.add(target);
    return this.#known.filter((route) => !targets.has(route));
  }

  #link(from: string, to: string | null): void {
    if (to === null) return;
    const targets = this.#targets.get(from);
    if (targets === undefined) this.#targets.set(from, new Set([to]));
    else targets.add(to);
  }
}

function* textsOf(node: Tree | undefined): Generator<string> {
  if (node?.kind === "scalar" && typeof node.value === "string") yield node.value;
  else if (node?.kind === "list") for (const item of node.items) yield* textsOf(item);
  else if (node?.kind === "mapping") for (const entry of node.entries.values()) yield* textsOf(entry.value);
}
