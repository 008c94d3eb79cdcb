import type { FindingCodeInfo } from "./finding-code-info.ts";

/** `W5xx`: what is legal, and most likely not meant. */
export const WARNING_CODES = {
  W501: {
    severity: "warning",
    title: "Route that nothing reaches",
    explanation:
      "No way leads from `init_message` to this route, neither by `outbound` nor by an adapter that sends to routes named in its config. It never gets a message.",
    example:
      'version: "1.0"\nroutes:\n  main: { adapters: [{ type: log }] }\n  lonely: { adapters: [{ type: log }] }\ninit_message: { route: main }\n',
    fix: "Name the route in the `outbound` of one that is reached, or remove it.",
  },
  W502: {
    severity: "warning",
    title: "No first message",
    explanation: "The pipeline has no `init_message`. An execution has nothing to do, and completes at once.",
    example: 'version: "1.0"\nroutes: { main: { adapters: [{ type: log }] } }\n',
    fix: "Add `init_message` with the route that is to begin.",
  },
  W503: {
    severity: "warning",
    title: "Prefetch without effect",
    explanation:
      "A route's `inbound.prefetch` is more than its `concurrency` (1 where it is not set). The lower of the two bounds the messages in flight.",
    example:
      'version: "1.0"\nroutes:\n  main: { inbound: { prefetch: 8 }, adapters: [{ type: log }] }\ninit_message: { route: main }\n',
    fix: "Raise `concurrency`, or leave `prefetch` out.",
  },
  W504: {
    severity: "warning",
    title: "Concurrency above the execution's limit",
    explanation:
      "A route's `concurrency` is more than `limits.max_handlers` (30 where it is not set), which bounds the messages in flight of the whole execution. It is never reached.",
    example:
      'version: "1.0"\nroutes:\n  main: { inbound: { concurrency: 64 }, adapters: [{ type: log }] }\ninit_message: { route: main }\n',
    fix: "Raise `limits.max_handlers`, or lower `concurrency`.",
  },
  W505: {
    severity: "warning",
    title: "Number not kept exactly",
    explanation:
      "A whole number has more digits than a JSON number keeps (about 16), and is rounded. Ids are often such numbers.",
    example:
      'version: "1.0"\nroutes: { main: { adapters: [{ type: log }] } }\ninit_message:\n  route: main\n  payload: { id: 12345678901234567891 }\n',
    fix: "Put the number into quotes, so that it stays text.",
  },
  W506: {
    severity: "warning",
    title: "Retry delay above its maximum",
    explanation:
      "`retry_delay_seconds` is more than `max_delay_seconds` (60 where it is not set), so that every wait is cut to the maximum.",
    example:
      'version: "1.0"\nerror_handling: { retry_delay_seconds: 120 }\nroutes: { main: { adapters: [{ type: log }] } }\ninit_message: { route: main }\n',
    fix: "Raise `max_delay_seconds`, or lower `retry_delay_seconds`.",
  },
  W507: {
    severity: "warning",
    title: "Placeholder that is not replaced",
    explanation:
      "`${env:NAME}` or `${secret:NAME}` stands in `condition.when` or `init_message.payload`. Placeholders are replaced in the `config` of adapters only, as everything else is stored with the execution and shown.",
    example:
      'version: "1.0"\nroutes: { main: { adapters: [{ type: log }] } }\ninit_message:\n  route: main\n  payload: { token: "${secret:TOKEN}" }\n',
    fix: "Put the placeholder into the `config` of the adapter that needs the value.",
  },
  W508: {
    severity: "warning",
    title: "Isolation without effect",
    explanation:
      "An adapter that gathers messages, such as `batch`, has `isolation: thread`. The engine gathers for it, and what it makes of a batch it makes in the service.",
    example:
      'version: "1.0"\nroutes:\n  main: { adapters: [{ type: batch, config: { size: 10 }, isolation: thread }] }\ninit_message: { route: main }\n',
    fix: "Leave `isolation` out.",
  },
} as const satisfies Record<string, FindingCodeInfo>;
