import type { FindingCodeInfo } from "./finding-code-info.ts";

/** `E1xx`: the structure of the document, and the types of adapters. */
export const STRUCTURE_CODES = {
  E101: {
    severity: "error",
    title: "Unknown field",
    explanation:
      "A mapping has a field that this place does not know. It is an error and not ignored, as a misspelt setting would silently have no effect.",
    example:
      'version: "1.0"\nroutes:\n  main:\n    adaptors: [{ type: log }]\n    adapters: [{ type: log }]\ninit_message: { route: main }\n',
    fix: "Correct the name or remove the field. For what is your own, as a place for anchors, use a key at the top that begins with `x-`.",
  },
  E102: {
    severity: "error",
    title: "Missing field",
    explanation: "A required field is not there. The place is that of the mapping that lacks it.",
    example: "routes: { main: { adapters: [{ type: log }] } }\ninit_message: { route: main }\n",
    fix: "Add the field.",
  },
  E103: {
    severity: "error",
    title: "Unknown adapter type",
    explanation:
      "No adapter of this type is there: neither built in, nor loaded from the adapters folder, nor a file of this path.",
    example: 'version: "1.0"\nroutes: { main: { adapters: [{ type: logg }] } }\ninit_message: { route: main }\n',
    fix: "Correct the type; `millrace adapters` lists those that are there. For an adapter of your own, name its `.ts` or `.js` file, or put it into the adapters folder.",
  },
  E104: {
    severity: "error",
    title: "Wrong type",
    explanation: "A field has a value of another type than is due: text for a number, one value for a list, and so on.",
    example:
      'version: "1.0"\nroutes:\n  main: { inbound: { concurrency: "8" }, adapters: [{ type: log }] }\ninit_message: { route: main }\n',
    fix: "Write the value as the message says. Quotes make text of anything; a list has brackets, or items that begin with `- `.",
  },
  E105: {
    severity: "error",
    title: "Out of range",
    explanation: "A number is too small or too large, or a text too short or too long.",
    example:
      'version: "1.0"\nroutes:\n  main: { inbound: { concurrency: 0 }, adapters: [{ type: log }] }\ninit_message: { route: main }\n',
    fix: "Choose a value within the bounds that the message names.",
  },
  E106: {
    severity: "error",
    title: "Not one of the choices",
    explanation: "A field takes one of a few values, and has another one.",
    example:
      'version: "1.0"\nerror_handling: { on_error: ignore }\nroutes: { main: { adapters: [{ type: log }] } }\ninit_message: { route: main }\n',
    fix: "Write one of the values that the message names.",
  },
  E107: {
    severity: "error",
    title: "Unknown version",
    explanation: 'The document is of a version that is not known. `"1.0"` is the only one.',
    example: 'version: "2.0"\nroutes: { main: { adapters: [{ type: log }] } }\ninit_message: { route: main }\n',
    fix: 'Write `version: "1.0"`.',
  },
  E108: {
    severity: "error",
    title: "Not a route's name",
    explanation:
      "A route's key is no legal name: a lower-case letter first, then at most 63 lower-case letters, digits, `_` and `-`.",
    example: 'version: "1.0"\nroutes: { Main Route: { adapters: [{ type: log }] } }\n',
    fix: "Rename the route; a name for people can be given in its `name`.",
  },
  E109: {
    severity: "error",
    title: "No routes",
    explanation: "`routes` is empty.",
    example: 'version: "1.0"\nroutes: {}\n',
    fix: "Add at least one route.",
  },
  E110: {
    severity: "error",
    title: "Route without adapters",
    explanation: "A route's list of adapters is empty; a route needs at least one.",
    example: 'version: "1.0"\nroutes: { main: { adapters: [] } }\ninit_message: { route: main }\n',
    fix: "Add an adapter, or remove the route.",
  },
  E111: {
    severity: "error",
    title: "Name taken in the route",
    explanation:
      "Two adapters of one route have the same `name`. Events and statistics tell the adapters of a route apart by their names.",
    example:
      'version: "1.0"\nroutes:\n  main: { adapters: [{ type: log, name: tell }, { type: log, name: tell }] }\ninit_message: { route: main }\n',
    fix: "Give each its own name. An adapter without a `name` gets its type for one, and a number where that is taken.",
  },
  E112: {
    severity: "error",
    title: "Adapter cannot be loaded",
    explanation:
      "An adapter's file cannot be used: it does not load, or holds no adapter; or access control is on, and it does not lie in `adapters_dir`. Whoever may store a pipeline could else run any code that lies on the machine.",
    example:
      'version: "1.0"\nroutes: { main: { adapters: [{ type: ./adapters/broken.ts }] } }\ninit_message: { route: main }\n',
    fix: "Correct the file: its one default export is `defineAdapter({…})`. Where access control is on, have whoever runs the service put it into the folder in `adapters_dir`.",
  },
  E113: {
    severity: "error",
    title: "Second gathering adapter",
    explanation:
      "A route's chain has two adapters that gather messages, such as `batch`. A route holds back one set of messages at a time.",
    example:
      'version: "1.0"\nroutes:\n  main:\n    adapters:\n      - { type: batch, config: { size: 10 } }\n      - { type: batch, config: { size: 5 } }\ninit_message: { route: main }\n',
    fix: "Put the second one into a route of its own, and name that route in `outbound`.",
  },
} as const satisfies Record<string, FindingCodeInfo>;
