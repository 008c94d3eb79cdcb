import type { Element } from "hast";
import type { Handle, State } from "hast-util-to-mdast";
import type { BlockContent, DefinitionContent, RootContent } from "mdast";

/** How the notes of a document of Word are marked in the HTML that is made of it. */
const NOTE = /^(?:footnote|endnote)-[\w-]+$/;

/** Footnotes and endnotes as Markdown has them: `[^1]`, and what they say at the end. */
export function noteHandlers(fallback: { readonly sup: Handle; readonly ol: Handle }): Record<string, Handle> {
  const numbers = new Map<string, string>();
  const numberOf = (id: string) => {
    const known = numbers.get(id) ?? String(numbers.size + 1);
    numbers.set(id, known);
    return known;
  };
  return {
    sup(state: State, node: Element, parent) {
      const [link, ...more] = node.children;
      const id = link?.type === "element" && more.length === 0 ? noteOf(link.properties.href) : null;
      if (id === null) return fallback.sup(state, node, parent);
      const number = numberOf(id);
      return { type: "footnoteReference", identifier: number, label: number };
    },
    ol(state: State, node: Element, parent) {
      const items = node.children.filter((child) => child.type === "element");
      const ids = items.map((item) => noteOf(`#${String(item.properties.id)}`));
      if (items.length === 0 || ids.includes(null)) return fallback.ol(state, node, parent);
      return items.map((item, index): RootContent => {
        withoutWayBack(item);
        const number = numberOf(ids[index] ?? "");
        // What flows: blocks, as a note's definition holds.
        const children = state.toFlow(state.all(item)) as (BlockContent | DefinitionContent)[];
        return { type: "footnoteDefinition", identifier: number, label: number, children };
      });
    },
  };
}

function noteOf(href: unknown): string | null {
  if (typeof href !== "string" || !href.startsWith("#")) return null;
  const id = href.slice(1);
  return NOTE.test(id) && !/^(?:footnote|endnote)-ref-/.test(id) ? id : null;
}

/** The link at a note's end that leads back to where it is referred to. */
function withoutWayBack(item: Element): void {
  for (const child of item.children) {
    if (child.type !== "element") continue;
    child.children = child.children.filter(
      (each) => !(each.type === "element" && /^#(?:footnote|endnote)-ref-/.test(String(each.properties.href ?? ""))),
    );
  }
}
