import { v5 } from "uuid";

/**
 * The id of an emitted message: a name-based UUID (RFC 9562, version 5) of its parent, the place of the output that it
 * is in its parent's chain, and the route that it goes to. A step that is redone gives its messages the same ids.
 */
export function emittedMessageId(parentId: string, output: number, route: string): string {
  return v5(`${output}/${route}`, parentId);
}
