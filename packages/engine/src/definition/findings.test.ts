import assert from "node:assert/strict";
import test from "node:test";
import type { Finding } from "@millrace/protocol";
import { TEST_REGISTRY } from "./adapters.fixture.ts";
import { loadDefinition } from "./load-definition.ts";

async function findings(yaml: string): Promise<Finding[]> {
  return (await loadDefinition(yaml, { adapters: TEST_REGISTRY })).report.issues;
}

/** `CODE line:column path`, which is what a user goes by. */
function places(issues: readonly Finding[]): string[] {
  return issues.map((issue) => `${issue.code} ${issue.line}:${issue.column} ${issue.path}`);
}

const MANY_MISTAKES = `version: "1.0"
descripton: a slip of the pen
limits: { max_handlers: 0, max_hops: "9" }
error_handling:
  on_error: explode
  max_retries: 1.5
routes:
  a:
    adapters:
      - type: genrate
        config: { count: 3 }
        condition: { when: "size == 1" }
    outbound: [d]
  b:
    inbound: { concurrency: many }
    adapters: [{ type: log, config: { levle: info } }]
  c:
    adapters: [{ type: log }, { type: nothing_like_it }]
    outbound: [d, nowhere, d]
  d:
    adapters:
      - type: generate
        config:
          start: one
      - type: filter
      - { type: switch, config: { cases: [{ when: "n >", to: lonly }], default: c } }
  lonely: { adapters: [] }
  E: { adaptors: [] }
init_message: { route: a }
`;

test("all mistakes of a document are found at once, errors first, in the order of the document", async () => {
  const issues = await findings(MANY_MISTAKES);
  assert.deepEqual(places(issues), [
    "E101 2:1 descripton",
    "E501 3:25 limits.max_handlers",
    "E104 3:38 limits.max_hops",
    "E106 5:13 error_handling.on_error",
    "E104 6:16 error_handling.max_retries",
    "E103 10:15 routes.a.adapters[0].type",
    "E401 12:28 routes.a.adapters[0].condition.when",
    "E104 15:29 routes.b.inbound.concurrency",
    "E301 16:39 routes.b.adapters[0].config.levle",
    "E103 18:39 routes.c.adapters[1].type",
    "E202 19:19 routes.c.outbound[1]",
    "E203 19:28 routes.c.outbound[2]",
    "E302 24:11 routes.d.adapters[0].config.count",
    "E303 24:18 routes.d.adapters[0].config.start",
    "E302 25:9 routes.d.adapters[1].config.when",
    "E402 26:51 routes.d.adapters[2].config.cases[0].when",
    "E204 26:62 routes.d.adapters[2].config.cases[0].to",
    "E110 27:23 routes.lonely.adapters",
    "E108 28:3 routes.E",
    "E102 28:6 routes.E.adapters",
    "E101 28:8 routes.E.adaptors",
    "W501 14:3 routes.b",
    "W501 28:3 routes.E",
  ]);
  const { report, definition, parsable } = await loadDefinition(MANY_MISTAKES, { adapters: TEST_REGISTRY });
  assert.deepEqual([report.is_valid, report.error_count, report.warning_count], [false, 21, 2]);
  assert.equal(definition, null);
  assert.equal(parsable, true);
});

test("findings say what is wrong in plain words, and what to do", async () => {
  const issues = await findings(MANY_MISTAKES);
  const said = (code: string) => {
    const issue = issues.find((each) => each.code === code);
    return `${issue?.message} | ${issue?.suggestion}`;
  };
  assert.equal(said("E101"), 'Unknown field "descripton" | Did you mean "description"?');
  assert.equal(said("E103"), 'Unknown adapter type "genrate" | Did you mean "generate"?');
  assert.equal(said("E104"), 'Expected a whole number for "max_hops", got text "9" | Remove the quotes: 9.');
  assert.equal(
    said("E106"),
    'Expected "fail" or "continue" for "on_error", got text "explode" | Known values: fail, continue.',
  );
  assert.equal(
    said("E202"),
    '`outbound` names the route "nowhere", which is not there | Known routes: a, b, c, d, lonely, E.',
  );
  assert.equal(
    said("E204"),
    'The config of "switch" names the route "lonly", which is not there | Did you mean "lonely"?',
  );
  assert.equal(said("E301"), 'Unknown field "levle" in the config of "log" | Did you mean "level"?');
  assert.equal(
    said("E302"),
    'The required field "count" is missing in the config of "generate" | Add "count": How many messages to emit.',
  );
  assert.equal(said("E501"), '"max_handlers" must be at least 1, got the number 0 | Let it be at least 1.');
});

const head = 'version: "1.0"\nroutes:\n';
const tail = "init_message: { route: main }\n";
const oneAdapter = (adapter: string) => `${head}  main:\n    adapters:\n      - ${adapter}\n${tail}`;

const CASES: [string, string, string[]][] = [
  [
    "an empty field is found at its key",
    `${head}  main:\n    adapters: [{ type: log }]\n    outbound:\n${tail}`,
    ["E104 5:5 routes.main.outbound"],
  ],
  ["a route with nothing in it", `${head}  main:\n${tail}`, ["E104 3:3 routes.main"]],
  ["routes with nothing in them", 'version: "1.0"\nroutes:\n', ["E109 2:1 routes", "W502 1:1 "]],
  ["routes that are a list", 'version: "1.0"\nroutes: [a]\n', ["E104 2:9 routes", "W502 1:1 "]],
  ["an adapter that is a text", `${head}  main: { adapters: [log] }\n${tail}`, ["E104 3:22 routes.main.adapters[0]"]],
  ["an adapter without a type", oneAdapter("{ name: x }"), ["E102 5:9 routes.main.adapters[0].type"]],
  ["an adapter whose type is a number", oneAdapter("type: 5"), ["E104 5:15 routes.main.adapters[0].type"]],
  ["a config that is a list", oneAdapter("{ type: log, config: [] }"), ["E104 5:30 routes.main.adapters[0].config"]],
  [
    "a required field of an empty config",
    oneAdapter("type: generate\n        config:"),
    ["E302 6:9 routes.main.adapters[0].config.count"],
  ],
  [
    "a field deep in a config",
    oneAdapter("{ type: switch, config: { cases: [{ when: x, to: main, xx: 1 }] } }"),
    ["E301 5:64 routes.main.adapters[0].config.cases[0].xx"],
  ],
  [
    "an empty list in a config",
    oneAdapter("{ type: switch, config: { cases: [] } }"),
    ["E304 5:42 routes.main.adapters[0].config.cases"],
  ],
  [
    "a text where a list of alternatives has none",
    oneAdapter("{ type: http_request, config: { url: 'http://a', body: 5 } }"),
    ["E303 5:64 routes.main.adapters[0].config.body"],
  ],
  [
    "a mapping that is nearly one of the alternatives",
    oneAdapter("{ type: http_request, config: { url: 'http://a', body: { feld: x } } }"),
    ["E302 5:64 routes.main.adapters[0].config.body.field", "E301 5:66 routes.main.adapters[0].config.body.feld"],
  ],
  [
    "an init_message without a route",
    `${head}  main: { adapters: [{ type: log }] }\ninit_message: {}\n`,
    ["E102 4:15 init_message.route"],
  ],
  [
    "an init_message that is a text",
    `${head}  main: { adapters: [{ type: log }] }\ninit_message: main\n`,
    ["E104 4:15 init_message"],
  ],
  [
    "duplicate keys at every level",
    `${head}  main:\n    adapters:\n      - { type: log, type: filter }\n    outbound: []\n    outbound: []\n${tail}`,
    ["E002 5:22 routes.main.adapters[0].type", "E002 7:5 routes.main.outbound"],
  ],
  [
    "a mistake in an aliased part is found where it is written, once for each use",
    `version: "1.0"\nx-a: &a { type: lgo }\nroutes:\n  main: { adapters: [*a] }\n${tail}`,
    ["E103 2:17 routes.main.adapters[0].type"],
  ],
  [
    "columns count from the line's start with Windows line ends",
    `version: "1.0"\r\nfoo: 1\r\nroutes: { main: { adapters: [{ type: log }] } }\r\n${tail}`,
    ["E101 2:1 foo"],
  ],
  [
    "a byte order mark does not move the first line",
    `\uFEFFfoo: 1\nversion: "1.0"\nroutes: { main: { adapters: [{ type: log }] } }\n${tail}`,
    ["E101 1:1 foo"],
  ],
  [
    "a name that a slip of the pen leads to is not also called unreached",
    `${head}  main: { adapters: [{ type: log }], outbound: [stoer] }\n  store: { adapters: [{ type: log }] }\n${tail}`,
    ["E202 3:49 routes.main.outbound[0]"],
  ],
  [
    "a first message to a missing route",
    `${head}  main: { adapters: [{ type: log }] }\n  other: { adapters: [{ type: log }] }\ninit_message: { route: gone }\n`,
    ["E201 5:24 init_message.route", "W501 3:3 routes.main", "W501 4:3 routes.other"],
  ],
  [
    "a first message to a missing route, where only one can be meant",
    `${head}  main: { adapters: [{ type: log }], outbound: [other] }\n  other: { adapters: [{ type: log }] }\ninit_message: { route: gone }\n`,
    ["E201 5:24 init_message.route"],
  ],
  [
    "without a first message no route is called unreached",
    `${head}  a: { adapters: [{ type: log }], outbound: [b] }\n  b: { adapters: [{ type: log }] }\n  c: { adapters: [{ type: log }] }\n`,
    ["W502 1:1 "],
  ],
  [
    "routes that lead to each other only",
    `${head}  main: { adapters: [{ type: log }] }\n  a: { adapters: [{ type: log }], outbound: [b] }\n  b: { adapters: [{ type: log }], outbound: [a] }\n${tail}`,
    ["W501 4:3 routes.a", "W501 5:3 routes.b"],
  ],
  [
    "a switch that is not configured well still counts for what it names",
    `${head}  main: { adapters: [{ type: switch, config: { cases: [{ to: a }] } }] }\n  a: { adapters: [{ type: log }] }\n${tail}`,
    ["E302 3:56 routes.main.adapters[0].config.cases[0].when"],
  ],
];

for (const [name, yaml, expected] of CASES) {
  test(`place: ${name}`, async () => {
    assert.deepEqual(places(await findings(yaml)), expected);
  });
}

test("a document with very many mistakes gets a bounded report that says that there are more", async () => {
  const routes = Array.from({ length: 3000 }, (_, index) => `  r${index}: { adapters: [{ type: x }] }\n`).join("");
  const { report } = await loadDefinition(head + routes, { adapters: TEST_REGISTRY });
  assert.equal(report.issues.length, 1001);
  assert.equal(report.issues.findLast((issue) => issue.severity === "error")?.code, "E502");
});
