/** Names of routes that mean something to those that read JSON as bytes. */
export const ROUTES = ["make", 'a","route":"b', "é💥", "\\", "event: x", "line\u2028break"] as const;

/** Names as pipelines may have them. */
export const NAMES = ["make", "route", "type", "a", "b-c", "x_1"] as const;

const TYPES = ["initiated", "processing", "completed", "failed"] as const;

/** What an event is made of. */
export interface EventSeed {
  readonly type: number;
  readonly route: number;
  readonly text: string;
}

/** An event, as far as those that carry frames look at it. */
export function eventOf(
  seed: EventSeed | undefined,
  routes: readonly string[] = ROUTES,
): { readonly type: string; readonly route: string; readonly message_id: string } {
  return {
    message_id: seed?.text.toWellFormed() ?? "",
    route: routes[seed?.route ?? 0] ?? "",
    type: TYPES[seed?.type ?? 0] ?? "",
  };
}
