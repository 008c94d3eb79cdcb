import { createContext } from "react";
import type { GraphBadges } from "./pipeline-graph-model.ts";

/** What the parts of a graph show besides themselves: through a context, so that the graph stays as it is. */
export interface GraphState {
  readonly badges: GraphBadges | undefined;
  /** A route's name, or an adapter's key. */
  readonly selected: string | null;
  /** Absent where nothing can be selected. */
  readonly onSelect: ((selected: string | null) => void) | undefined;
}

/** @see GraphState */
export const GraphContext = createContext<GraphState>({ badges: undefined, selected: null, onSelect: undefined });
