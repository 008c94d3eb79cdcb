import type { FindingCodeInfo } from "./finding-code-info.ts";

const document = (adapter: string) =>
  `version: "1.0"\nroutes:\n  main:\n    adapters:\n      - ${adapter}\ninit_message: { route: main }\n`;

/** `E3xx`: the configuration of adapters. */
export const CONFIG_CODES = {
  E301: {
    severity: "error",
    title: "Unknown field in a config",
    explanation: "An adapter's config has a field that its type does not know.",
    example: document("{ type: generate, config: { count: 3, begin: 1 } }"),
    fix: "Correct the name or remove the field; `millrace adapters` shows what each type takes.",
  },
  E302: {
    severity: "error",
    title: "Missing field in a config",
    explanation:
      "An adapter's config lacks a field that its type requires. The place is that of the config, or of the adapter where there is none.",
    example: document("{ type: generate }"),
    fix: "Add the field.",
  },
  E303: {
    severity: "error",
    title: "Wrong type in a config",
    explanation: "A field of an adapter's config has a value of another type than is due.",
    example: document("{ type: generate, config: { count: many } }"),
    fix: "Write the value as the message says. A text that is one placeholder and nothing else, as `${env:COUNT}`, stands for a number or for `true` or `false` where such is due.",
  },
  E304: {
    severity: "error",
    title: "Out of range in a config",
    explanation: "A number in an adapter's config is too small or too large, or a text or list too short or too long.",
    example: document("{ type: generate, config: { count: -1 } }"),
    fix: "Choose a value within the bounds that the message names.",
  },
  E305: {
    severity: "error",
    title: "Not one of the choices in a config",
    explanation: "A field of an adapter's config takes one of a few values, and has another one.",
    example: document("{ type: log, config: { level: warning } }"),
    fix: "Write one of the values that the message names.",
  },
  E306: {
    severity: "error",
    title: "Wrong form in a config",
    explanation: "A text in an adapter's config is not of the form that is due, such as that of a URL.",
    example: document("{ type: http_request, config: { url: example.org } }"),
    fix: "Write the text in the form that the message names.",
  },
  E307: {
    severity: "error",
    title: "Config does not fit",
    explanation: "An adapter's config breaks a rule of the adapter's own, which the message tells.",
    example: document("{ type: markdown_split, config: { max_tokens: 100, overlap_tokens: 200 } }"),
    fix: "Do as the message says.",
  },
  E308: {
    severity: "error",
    title: "Config cannot be checked",
    explanation: "An adapter's own code failed while it checked its config. This is a fault of the adapter.",
    example: document("{ type: ./adapters/throwing.ts }"),
    fix: "Correct the `config` schema, or `references`, of the adapter.",
  },
} as const satisfies Record<string, FindingCodeInfo>;
