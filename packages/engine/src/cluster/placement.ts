import type { Ownership } from "../ownership-port.ts";

/** Where executions live in a service of many nodes: what the engine of one of them needs to know of it. */
export interface Placement {
  readonly ownership: Ownership;
  /** Whether an execution that is started here is this node's own. */
  takesNew(): boolean;
  /** There is an execution that nobody owns: others are told, so that one claims it. */
  announce(): void;
}
