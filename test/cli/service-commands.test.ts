import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { type Ended, Folder, jsonLines, millrace } from "../support/command.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { BROKEN, QUICK, SLOW, WRONG } from "./pipelines.ts";

const NO_ONE = "01990d6f-0c5e-7000-8000-000000000000";

let service: ServiceProcess;
const folder = new Folder();

before(async () => {
  service = await ServiceProcess.start();
});
after(async () => {
  await service[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** Runs a command against the service. */
function at(...args: string[]): Promise<Ended> {
  return millrace(args, { env: { MILLRACE_URL: service.url } });
}

test("a config is stored, listed, shown, changed, run and deleted from the command line", async () => {
  const file = folder.write("quick.yaml", QUICK);
  const created = await at("configs", "create", file);
  assert.equal(created.code, 0, created.stderr);
  const id = created.stdout.trim();
  assert.match(id, /^[0-9a-f-]{36}$/, "the id alone, so that a script can take it");
  assert.match(created.stderr, /^quick, version 1: no findings$/m);

  const [list, listJson, shown] = await Promise.all([
    at("configs", "list"),
    at("configs", "list", "--json"),
    at("configs", "get", "quick"),
  ]);
  assert.match(list.stdout, /^id +name +version +runnable +updated$/m);
  assert.match(list.stdout, new RegExp(`^${id} +quick +1 +yes`, "m"));
  assert.equal(JSON.parse(listJson.stdout).configs[0].id, id);
  assert.ok(shown.stdout.includes(QUICK.trimEnd()));

  const wrong = await at("configs", "update", "quick", folder.write("wrong.yaml", WRONG), "--json");
  assert.equal(wrong.code, 0, "what has findings is stored all the same");
  assert.deepEqual([JSON.parse(wrong.stdout).version, JSON.parse(wrong.stdout).is_runnable], [2, false]);
  const refused = await at("configs", "run", "quick");
  assert.equal(refused.code, 3);
  assert.doesNotMatch(refused.stderr, /^ +at /m);

  const updated = await at("configs", "update", id, file);
  assert.match(updated.stderr, /version 3: no findings/);
  const watched = await at("configs", "run", "quick", "--watch", "--json", "--tag", "first");
  assert.equal(watched.code, 0, watched.stderr);
  assert.equal(jsonLines(watched.stdout).at(-1)?.reason, "completed");
  assert.equal((await at("configs", "run", "quick", "--tag", "first")).code, 5, "the tag is taken");
  const second = await millrace(["configs", "run", "quick", "--tag", "second", "--url", service.url]);
  assert.ok(second.stderr.includes(`Watch it: npx millrace watch second --url ${service.url}\n`), second.stderr);

  const runs = JSON.parse((await at("executions", "list", "--config", "quick", "--json")).stdout);
  assert.deepEqual(
    runs.executions.map(({ tag }: { tag: string }) => tag),
    ["second", "first"],
  );
  assert.deepEqual(JSON.parse((await at("configs", "delete", "quick", "--json")).stdout), { id, deleted: true });
  assert.equal((await at("configs", "get", "quick")).code, 4);
});

test("executions are listed, shown, waited for, cancelled and deleted, with an exit code for each end", async () => {
  const [completed, failed, running] = await Promise.all([
    service.run(QUICK, {}, "?tag=good"),
    service.run(BROKEN, {}, "?tag=bad"),
    service.run(SLOW, {}, "?tag=long"),
  ]);
  const [good, bad, unfinished] = await Promise.all([
    at("executions", "wait", "good"),
    at("executions", "wait", failed, "--json"),
    at("executions", "wait", "long", "--timeout", "1"),
  ]);
  assert.equal(good.code, 0);
  assert.match(good.stdout, /4 messages done, 0 failed\.\n$/);
  assert.equal(bad.code, 1);
  assert.equal(JSON.parse(bad.stdout).status, "failed");
  assert.equal(unfinished.code, 1, "not over is not done");

  const [list, listJson, shown, shownJson] = await Promise.all([
    at("executions", "list", "--status", "running"),
    at("executions", "list", "--json", "--limit", "1"),
    at("executions", "get", "bad"),
    at("executions", "get", completed, "--json"),
  ]);
  assert.match(list.stdout, new RegExp(`^${running} +test +running +\\S+ +long$`, "m"));
  assert.ok(!list.stdout.includes(completed));
  assert.equal(JSON.parse(listJson.stdout).executions.length, 1);
  assert.match(shown.stdout, /^NO_GOOD: /m);
  assert.ok(!shown.stdout.includes("\u001b"), "an error's text must not reach a terminal as it is");
  assert.equal(JSON.parse(shownJson.stdout).tag, "good");

  assert.equal((await at("executions", "delete", "long")).code, 5, "it still runs");
  const cancelled = await at("executions", "cancel", "long");
  assert.equal(cancelled.code, 0, cancelled.stderr);
  assert.equal((await at("executions", "wait", "long")).code, 7);
  assert.equal((await at("executions", "cancel", "long")).code, 5, "it is over");
  assert.equal((await at("executions", "delete", "long")).code, 0);
});

test("an unknown id, no service and a wrong address each have their exit code and a line that says what to do", async () => {
  const [unknown, empty, nothing, foreign, junk, number] = await Promise.all([
    at("watch", NO_ONE),
    at("executions", "get", "."),
    millrace(["executions", "list", "--url", "http://127.0.0.1:1"]),
    // A service that answers, but not as Millrace does.
    millrace(["configs", "list"], { env: { MILLRACE_URL: `${service.url}/docs#` } }),
    millrace(["configs", "list"], { env: { MILLRACE_URL: "here" } }),
    at("executions", "list", "--limit", "many"),
  ]);
  assert.equal(unknown.code, 4);
  assert.match(unknown.stderr, new RegExp(`^millrace: .*${NO_ONE}`));
  assert.equal(empty.code, 4, empty.stdout);
  assert.equal(nothing.code, 6);
  assert.match(
    nothing.stderr,
    /^millrace: There is no answer from http:\/\/127\.0\.0\.1:1\. Is the service running\?$/m,
  );
  assert.equal(foreign.code, 6, foreign.stderr);
  assert.match(foreign.stderr, /^millrace: What answers at .* is no Millrace/);
  assert.equal(junk.code, 2);
  assert.match(junk.stderr, /^millrace: MILLRACE_URL: expected an http or https URL, got "here"/);
  assert.equal(number.code, 2);
  assert.match(number.stderr, /limit/);
  for (const { stderr } of [unknown, empty, nothing, foreign, junk, number]) assert.doesNotMatch(stderr, /^ +at /m);
});

test("an error of something else than Millrace at the address is told as that", async () => {
  const other = createServer((request, response) => {
    response.writeHead(request.method === "PUT" ? 501 : 404, { "content-type": "text/html" }).end("<h1>No</h1>");
  }).listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  const ended = await Promise.all([
    millrace(["configs", "list", "--url", url]),
    millrace(["executions", "get", "some", "--url", url]),
    millrace(["executions", "cancel", "some", "--url", url]),
  ]);
  other.close();
  for (const { code, stderr } of ended) {
    assert.equal(code, 6, stderr);
    assert.match(
      stderr,
      /^millrace: The service answered (404|501), without the JSON of Millrace\. Is the address right\?$/m,
    );
  }
});
