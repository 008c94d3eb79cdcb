import type { Client } from "@millrace/client";
import type { LineageNode } from "@millrace/protocol";

/** A message of a drawn tree, with what is drawn below it. */
export interface TreeNode {
  readonly message: LineageNode;
  /** Relatives of the next generation, as many as are shown. */
  readonly relatives: readonly TreeNode[];
  /** Relatives of the next generation that are not shown. */
  readonly more: number;
  /** Whether it stands elsewhere in the tree with its relatives, and here without them. */
  readonly seen: boolean;
}

/** How much of a tree is drawn. */
export interface TreeBounds {
  /** Relatives of one message. */
  readonly width: number;
  /** Generations. */
  readonly depth: number;
  /** Messages in all. */
  readonly messages: number;
}

/**
 * Fetches the tree of what came of a message, or (`back`) of what it comes from: generation by generation, so that
 * what is near is there when the bounds end it.
 */
export async function fetchTree(
  client: Client,
  message: LineageNode,
  options: TreeBounds & { readonly back: boolean },
): Promise<TreeNode> {
  const root = growing(message);
  const seen = new Set([message.correlation_id]);
  let left = options.messages - 1;
  let generation = [root];
  for (let depth = 0; depth < options.depth && generation.length > 0; depth += 1) {
    const next: Growing[] = [];
    for (const node of generation) {
      const { correlation_id: id, execution_id } = node.message;
      // A replay's first message comes from one of another execution, which only its chain knows.
      if (relativesOf(node.message, options.back) === 0 && !(options.back && node.message.is_root)) continue;
      const limit = Math.min(options.width, left);
      if (limit < 1) continue;
      const query = { execution_id, direct: true, limit };
      const page = await (options.back ? client.lineage.chain(id, query) : client.lineage.children(id, query));
      for (const relative of page.messages) {
        const child = growing(relative);
        node.relatives.push(child);
        left -= 1;
        // A message comes of many where it came of a batch: it is followed once.
        if (seen.has(relative.correlation_id)) child.seen = relativesOf(relative, options.back) > 0;
        else next.push(child);
        seen.add(relative.correlation_id);
      }
      node.more = page.total - page.messages.length;
    }
    generation = next;
  }
  return finished(root, options.back);
}

/** Draws it, a line per message. */
export function treeLines(tree: TreeNode, describe: (message: LineageNode) => string): string[] {
  const lines = [describe(tree.message)];
  const draw = (node: TreeNode, indent: string) => {
    const rows = node.relatives.length + (node.more > 0 ? 1 : 0);
    for (const [index, relative] of node.relatives.entries()) {
      const last = index === rows - 1;
      const note = relative.seen ? "  (above)" : "";
      lines.push(`${indent}${last ? "└─ " : "├─ "}${describe(relative.message)}${note}`);
      draw(relative, `${indent}${last ? "   " : "│  "}`);
    }
    if (node.more > 0) lines.push(`${indent}└─ … ${node.more} more`);
  };
  draw(tree, "");
  return lines;
}

interface Growing {
  readonly message: LineageNode;
  readonly relatives: Growing[];
  /** Null while nobody has asked for them. */
  more: number | null;
  seen: boolean;
}

function growing(message: LineageNode): Growing {
  return { message, relatives: [], more: null, seen: false };
}

function finished(node: Growing, back: boolean): TreeNode {
  return {
    message: node.message,
    relatives: node.relatives.map((each) => finished(each, back)),
    more: node.seen ? 0 : (node.more ?? relativesOf(node.message, back)),
    seen: node.seen,
  };
}

/** How many of the next generation there are in its execution. */
function relativesOf(message: LineageNode, back: boolean): number {
  return back ? message.parents : message.children;
}
