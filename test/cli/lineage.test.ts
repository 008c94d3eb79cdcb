import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { type Ended, millrace } from "../support/command.ts";
import { ServiceProcess } from "../support/service-process.ts";

const BATCHES = `version: "1.0"
name: batches
routes:
  make: { adapters: [{ type: generate, config: { count: 6 } }], outbound: [gather] }
  gather: { adapters: [{ type: batch, config: { size: 3, seconds: 30 } }], outbound: [keep] }
  keep:
    adapters: [{ type: fail, config: { attempts: 1, message: "it is \\u001b[2J broken" } }]
    error_handling: { retry_delay_seconds: 0.01 }
init_message: { route: make }
`;
const WIDE = `version: "1.0"
name: wide
routes:
  make: { adapters: [{ type: generate, config: { count: 2000 } }], outbound: [keep] }
  keep: { inbound: { concurrency: 30 }, adapters: [{ type: filter, config: { when: "true" } }] }
init_message: { route: make }
`;
const ID = "[0-9a-f-]{36}";

let service: ServiceProcess;

before(async () => {
  service = await ServiceProcess.start();
  for (const [yaml, tag] of [
    [BATCHES, "batches"],
    [WIDE, "wide"],
  ] as const) {
    await service.client.executions.wait(await service.run(yaml, {}, `?tag=${tag}`));
  }
});
after(() => service[Symbol.asyncDispose]());

/** Runs the command against the service. */
function lineage(...args: string[]): Promise<Ended> {
  return millrace(["lineage", ...args], { env: { MILLRACE_URL: service.url } });
}

test("the tree of a run shows all that came of its first message, batches included", async () => {
  const { code, stdout, stderr } = await lineage("batches");
  assert.equal(code, 0, stderr);
  const tree = stdout.slice(stdout.indexOf("\nmake "));
  assert.match(tree, new RegExp(`^make  ${ID}  completed  [\\d.]+ ms$`, "m"));
  assert.equal(tree.match(/^[├└]─ gather /gm)?.length, 6);
  assert.equal(tree.match(new RegExp(`batched into ${ID}$`, "gm"))?.length, 4);
  // Each of the two batches stands below its three members.
  assert.equal(tree.match(/^[│ ] {2}└─ keep .* completed .* attempt 2$/gm)?.length, 6);
});

test("the tree goes back to the first message, by all that were gathered, and its text has no control characters", async () => {
  const { entries } = await service.client.lineage.list({ execution_id: "batches", route_id: "keep" });
  const id = entries[0]?.correlation_id ?? "";
  const [back, within] = await Promise.all([lineage(id, "--back"), lineage(id, "--back", "--execution", "batches")]);
  assert.equal(back.code, 0, back.stderr);
  assert.equal(back.stdout, within.stdout);
  assert.match(back.stdout, /^keep\/fail +1 +failed .* TEST_FAILURE: it is .* broken$/m);
  assert.ok(!back.stdout.includes("\u001b"));
  assert.equal(back.stdout.match(/^[├└]─ gather /gm)?.length, 3);
  assert.equal(back.stdout.match(/^[│ ] {2}└─ make /gm)?.length, 3);
});

test("of a large fan-out as much is shown as was asked for, and how many more there are", async () => {
  const [plain, wider, fewer, flat] = await Promise.all([
    lineage("wide"),
    lineage("wide", "--width", "1000", "--limit", "5000"),
    lineage("wide", "--limit", "4"),
    lineage("batches", "--depth", "1"),
  ]);
  assert.equal(plain.stdout.match(/─ keep /g)?.length, 10);
  assert.match(plain.stdout, /^└─ … 1990 more$/m);
  assert.equal(wider.stdout.match(/─ keep /g)?.length, 1000);
  assert.match(fewer.stdout, /^└─ … 1997 more$/m);
  assert.equal(flat.stdout.match(/^[│ ] {2}└─ … 1 more$/gm)?.length, 6);
});

test("--json has the story, and the tree as relatives of relatives", async () => {
  const { stdout } = await lineage("batches", "--json", "--width", "4");
  const { story, message, relatives, more } = JSON.parse(stdout);
  assert.equal(story.stages[0].stage_name, "make/generate");
  assert.equal(message.correlation_id, story.correlation_id);
  assert.deepEqual([relatives.length, more], [4, 2]);
  assert.equal(relatives[0].relatives[0].message.route_id, "keep");
});

test("an unknown message, a wrong bound and a wrong execution each say what is wrong", async () => {
  const [unknown, bound, execution] = await Promise.all([
    lineage("00000000-0000-7000-8000-000000000000"),
    lineage("batches", "--width", "none"),
    lineage("batches", "--execution", "nowhere"),
  ]);
  assert.deepEqual([unknown.code, bound.code, execution.code], [4, 2, 4]);
  assert.match(unknown.stderr, /^millrace: There is no message "00000000-/);
  assert.match(bound.stderr, /^millrace: --width: expected a whole number from 1 to 1000, got "none"/);
  assert.match(execution.stderr, /^millrace: There is no execution "nowhere"/);
});

test("while the lineage of a long run is still being read, the command says so and asks again", async () => {
  let refused = 0;
  const front = createServer(async (request, response) => {
    if (request.url?.includes("/lineage/") && refused < 1) {
      refused += 1;
      const body = { detail: "Not yet.", error_code: "LINEAGE_NOT_READY" };
      response.writeHead(503, { "content-type": "application/json", "retry-after": "1" }).end(JSON.stringify(body));
      return;
    }
    const answer = await fetch(`${service.url}${request.url}`);
    response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
  }).listen(0, "127.0.0.1");
  await once(front, "listening");
  const address = front.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  const { code, stdout, stderr } = await millrace(["lineage", "batches", "--url", url]);
  front.close();
  assert.equal(code, 0, stderr);
  assert.equal(stderr.match(/^The lineage is still being read/gm)?.length, 1);
  assert.match(stdout, /^make /m);
});
