import type { FindingCodeInfo } from "./finding-code-info.ts";

/** `E2xx`: what leads from route to route. */
export const LINK_CODES = {
  E201: {
    severity: "error",
    title: "First message to a missing route",
    explanation: "`init_message.route` names a route that is not there, so that an execution could not begin.",
    example: 'version: "1.0"\nroutes: { main: { adapters: [{ type: log }] } }\ninit_message: { route: start }\n',
    fix: "Name one of the document's routes.",
  },
  E202: {
    severity: "error",
    title: "Outbound names no route",
    explanation: "A name in a route's `outbound` is not the name of any route of the document.",
    example:
      'version: "1.0"\nroutes:\n  parse: { adapters: [{ type: log }], outbound: [stor] }\n  store: { adapters: [{ type: log }] }\ninit_message: { route: parse }\n',
    fix: "Correct the name, or add the route.",
  },
  E203: {
    severity: "error",
    title: "Outbound names a route twice",
    explanation: "A route is named twice in the same `outbound`. Each route that is named gets each message once.",
    example:
      'version: "1.0"\nroutes:\n  parse: { adapters: [{ type: log }], outbound: [store, store] }\n  store: { adapters: [{ type: log }] }\ninit_message: { route: parse }\n',
    fix: "Remove one of the two. To make two messages of one, use an adapter that emits both.",
  },
  E204: {
    severity: "error",
    title: "Config names no route",
    explanation: "An adapter's config names a route to send to, as `switch` does, and there is no such route.",
    example:
      'version: "1.0"\nroutes:\n  sort: { adapters: [{ type: switch, config: { cases: [{ when: "size > 10", to: larg }], default: small } }] }\n  large: { adapters: [{ type: log }] }\n  small: { adapters: [{ type: log }] }\ninit_message: { route: sort }\n',
    fix: "Correct the name, or add the route.",
  },
} as const satisfies Record<string, FindingCodeInfo>;
