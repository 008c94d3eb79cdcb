import type { FindingCodeInfo } from "./finding-code-info.ts";

/** `E5xx`: limits. */
export const LIMIT_CODES = {
  E501: {
    severity: "error",
    title: "Limit out of range",
    explanation: "A field of `limits` is smaller or larger than may be set.",
    example:
      'version: "1.0"\nlimits: { max_handlers: 0 }\nroutes: { main: { adapters: [{ type: log }] } }\ninit_message: { route: main }\n',
    fix: "Choose a value within the bounds that the message names.",
  },
  E502: {
    severity: "error",
    title: "More findings than are shown",
    explanation: "The document has more than 1000 findings. The first 1000 that were found are in the report.",
    example: `version: "1.0"\nroutes:\n${Array.from({ length: 1001 }, (_, index) => `  r${index}: { adapters: [] }\n`).join("")}`,
    shownAs: "# a document with more than 1000 findings",
    fix: "Fix those that are shown, and validate again.",
  },
} as const satisfies Record<string, FindingCodeInfo>;
