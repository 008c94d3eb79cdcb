/** The part of a page's tree that matters here. */
interface Node {
  readonly type: string;
  tagName?: string;
  properties?: Record<string, unknown>;
  children?: Node[];
}

/**
 * Lets a page be read with a keyboard: a table that is wider than the page can be reached and scrolled, and the marks beside
 * headings, which screen readers are not told of, are no stops on the way.
 */
export function forKeyboards() {
  // What the generator hands on is such a tree.
  return (tree: object) => visit(tree as Node);
}

function visit(node: Node): void {
  if (node.children === undefined) return;
  node.children = node.children.map((child) => {
    visit(child);
    if (child.tagName === "a" && child.properties?.ariaHidden !== undefined) child.properties.tabIndex = -1;
    return child.tagName === "table" ? scrollable(child) : child;
  });
}

function scrollable(table: Node): Node {
  const properties = { className: ["table"], tabIndex: 0, role: "group", ariaLabel: "Table" };
  return { type: "element", tagName: "div", properties, children: [table] };
}
