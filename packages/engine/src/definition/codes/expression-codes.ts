import type { FindingCodeInfo } from "./finding-code-info.ts";

const document = (adapter: string) =>
  `version: "1.0"\nroutes:\n  main:\n    adapters:\n      - ${adapter}\ninit_message: { route: main }\n`;

/** `E4xx`: expressions, templates, and placeholders of the environment. */
export const EXPRESSION_CODES = {
  E401: {
    severity: "error",
    title: "Condition does not compile",
    explanation: "The `condition.when` of an adapter is not a JSONata expression.",
    example: document('{ type: log, condition: { when: "size == 10" } }'),
    fix: "Correct the expression. JSONata compares with `=` and `!=`, and writes `and`, `or` and `$not(…)`.",
  },
  E402: {
    severity: "error",
    title: "Expression in a config does not compile",
    explanation: "A field of an adapter's config that takes a JSONata expression holds something else.",
    example: document('{ type: filter, config: { when: "size >" } }'),
    fix: "Correct the expression; the message says where it fails.",
  },
  E403: {
    severity: "error",
    title: "Template does not compile",
    explanation:
      "A text in which `${…}` stands for a part of the message has one that is not closed, is empty, or holds no expression.",
    example: document('{ type: log, config: { message: "read ${path" } }'),
    fix: "Write `${field}`, with a field of the message or a JSONata expression over it.",
  },
  E404: {
    severity: "error",
    title: "Environment variable not set",
    explanation:
      "A config refers to `${env:NAME}`, and the process that checks or runs the pipeline has no such environment variable.",
    example: document('{ type: log, config: { message: "${env:NO_SUCH_VARIABLE}" } }'),
    fix: "Set the variable for that process, or write the value into the config.",
  },
  E405: {
    severity: "error",
    title: "Secret not set",
    explanation:
      "A config refers to `${secret:NAME}`, and nothing that keeps secrets has one of that name for the project: no environment variable `MILLRACE_SECRET_NAME`, no file in `secrets_dir`, no entry at `secrets_url`.",
    example: document('{ type: log, config: { message: "${secret:NO_SUCH_SECRET}" } }'),
    fix: "Set the environment variable `MILLRACE_SECRET_NAME` for the process, or put the secret where `secrets_dir` or `secrets_url` leads. It is never stored or shown.",
  },
  E406: {
    severity: "error",
    title: "Malformed placeholder",
    explanation:
      "A text has the beginning of a placeholder of the environment, `${env:` or `${secret:`, without a legal name and a brace after it.",
    example: document('{ type: log, config: { message: "${env:MY-NAME}" } }'),
    fix: "Write `${env:NAME}`: letters, digits and underscores, no digit first, and a closing brace.",
  },
  E407: {
    severity: "error",
    title: "Environment variable that pipelines may not read",
    explanation:
      "A config refers to `${env:NAME}`, and the variable is not for pipelines: those that begin with `MILLRACE_` are the service's own, and where access control is on, or `env_allow` is set, only those that `env_allow` names may be read. Whoever may store a pipeline could else read all that the service knows.",
    example: document('{ type: log, config: { message: "${env:MILLRACE_DATABASE_URL}" } }'),
    fix: "Hand a secret over as one, and write `${secret:NAME}`; or have whoever runs the service name the variable in `env_allow`.",
  },
  E408: {
    severity: "error",
    title: "Secret that cannot be had at present",
    explanation:
      "A config refers to `${secret:NAME}`, and whether there is one cannot be said: what keeps the secrets does not answer, refuses the service's token, or the file cannot be read. Runs are refused meanwhile with 503, those of triggers wait, and those that are to be taken up again are `interrupted` until it can be had.",
    example: document('{ type: log, config: { message: "${secret:KEPT_WHERE_NOBODY_ANSWERS}" } }'),
    fix: "Look at `/health/ready`: the component `secrets` says what is wrong. Nothing need be done to the pipeline.",
  },
} as const satisfies Record<string, FindingCodeInfo>;
