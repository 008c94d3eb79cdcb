import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Ended, inTerminal, jsonLines, millrace, RunningCommand } from "../support/command.ts";
import { RunningTerminal } from "../support/running-terminal.ts";
import { Screen } from "../support/screen.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { BROKEN, QUICK, SLOW } from "./pipelines.ts";

const CTRL_C = "\u0003";

let service: ServiceProcess;

before(async () => {
  service = await ServiceProcess.start();
});
after(() => service[Symbol.asyncDispose]());

/** Runs a command against the service. */
function at(...args: string[]): Promise<Ended> {
  return millrace([...args, "--url", service.url]);
}

test("watching a run that is over tells what it has done, and ends with how it ended", async () => {
  const [completed, failed] = await Promise.all([service.run(QUICK), service.run(BROKEN)]);
  await Promise.all([service.client.executions.wait(completed), service.client.executions.wait(failed)]);
  const [plain, events, json, bad] = await Promise.all([
    at("watch", completed),
    at("watch", completed, "--events"),
    at("watch", completed, "--json"),
    at("watch", failed),
  ]);
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(plain.stdout, /: 4 done, 0 failed, 0 to do$/m);
  assert.match(plain.stdout, /^keep +3 +0 +0$/m);
  assert.match(plain.stdout, /^completed: 4 messages done, 0 failed/m);
  assert.equal(events.stdout.match(/ completed /g)?.length, 4);
  const lines = jsonLines(json.stdout);
  assert.equal(lines.filter(({ type }) => type === "completed").length, 4);
  assert.ok(lines.every(({ id, type, execution_id }) => id && type && execution_id === completed));
  assert.deepEqual([lines.at(-1)?.type, lines.at(-1)?.reason], ["end", "completed"]);
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /^failed: work: NO_GOOD: it is .*broken$/m);
  assert.ok(!bad.stdout.includes("\u001b"), "an error's text must not reach a terminal as it is");
});

test("a watch that begins late tells what it saw, and of the whole run in its summary", async () => {
  const id = await service.run(SLOW.replace("seconds: 300", "seconds: 0.7"));
  await service.client.executions.wait(id);
  const { started_at: from, completed_at: to } = await service.client.executions.get(id);
  const took = `in ${((Date.parse(String(to)) - Date.parse(from)) / 1000).toFixed(1)} s`;
  const [whole, late] = await Promise.all([at("watch", id), at("watch", id, "--since", "now")]);
  for (const { stdout } of [whole, late])
    assert.ok(stdout.endsWith(`completed: 5 messages done, 0 failed, ${took}\n`), `${stdout}, not ${took}`);
  assert.ok(!late.stdout.includes("initiated"));
});

test("lines of JSON go on after the id of one of them, and can be chosen by type and route", async () => {
  const id = await service.run(QUICK);
  await service.client.executions.wait(id);
  const all = jsonLines((await at("watch", id, "--json")).stdout);
  const middle = String(all[4]?.id);
  const [rest, none, chosen, wrong] = await Promise.all([
    at("watch", id, "--json", "--last-event-id", middle),
    at("watch", id, "--json", "--last-event-id", String(all.at(-1)?.id)),
    at("watch", id, "--json", "--types", "completed,failed", "--route", "keep"),
    at("watch", id, "--types", "done"),
  ]);
  assert.deepEqual(jsonLines(rest.stdout), all.slice(5));
  assert.deepEqual(
    jsonLines(none.stdout).map(({ type, reason }) => [type, reason]),
    [["end", "completed"]],
  );
  assert.deepEqual(
    jsonLines(chosen.stdout).map(({ type, route }) => [type, route]),
    [...Array.from({ length: 3 }, () => ["completed", "keep"]), ["end", undefined]],
  );
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /"done" is none of initiated, processing, completed, failed/);
});

test("a watch carries on over a restart of the service, without a gap or a repeat", async () => {
  await using restarted = await ServiceProcess.start();
  const yaml = SLOW.replace("seconds: 300", "seconds: 0.02").replace("count: 4", "count: 300");
  const id = await restarted.run(yaml);
  await using watch = new RunningCommand(["watch", id, "--json", "--url", restarted.url]);
  await watch.shows('"route":"wait"');
  assert.equal(await restarted.end("SIGTERM"), 0);
  await restarted.start();
  const { code, stdout, stderr } = await watch.ended;
  assert.equal(code, 0, stderr);
  const lines = jsonLines(stdout);
  assert.ok(lines.some(({ type, reason }) => type === "end" && reason === "shutdown"));
  const done = lines.filter(({ type }) => type === "completed").map((line) => line.message_id);
  assert.equal(done.length, 301);
  assert.equal(new Set(done).size, 301);
});

test("a watch on a terminal says that the connection was lost, and shows the run again once the service is back", async () => {
  await using restarted = await ServiceProcess.start();
  const id = await restarted.run(SLOW);
  await using watch = RunningTerminal.millrace(["watch", id, "--url", restarted.url], { columns: 120 });
  await watch.shows("1 of 5 messages");
  await restarted.end("SIGTERM");
  await watch.shows(/^test {2}\S+ {2}running {2}(?:the service was stopped|connection lost).*; reconnecting in \d+ s/);
  await restarted.start();
  await watch.shows(/^test {2}\S+ {2}running$/);
  await restarted.client.executions.cancel(id);
  assert.equal(await watch.ended(), 7);
  const { lines, cursor } = await watch.screen();
  assert.match(lines.at(-1) ?? "", /^cancelled: 1 message done, 4 failed/);
  assert.ok(cursor);
});

test("Ctrl-C ends a watch and leaves the run alone, and says how to cancel it", async () => {
  const id = await service.run(SLOW);
  const { code, stdout } = await inTerminal(["watch", id, "--url", service.url], {
    keys: [{ after: "1 of 5 messages", send: CTRL_C }],
  });
  assert.equal(code, 130);
  assert.match(
    stdout,
    new RegExp(`the run goes on\\. To cancel it: npx millrace executions cancel ${id} --url ${service.url}`),
  );
  assert.ok(stdout.lastIndexOf("\u001b[?25h") > stdout.lastIndexOf("\u001b[?25l"), "the cursor is shown again");
  assert.equal((await service.client.executions.get(id)).status, "running");
  await service.client.executions.cancel(id);
});

test("Ctrl-C cancels a run that one has started oneself, or a watched one where that is asked for; twice leaves at once", async () => {
  const stuck = SLOW.replace("type: delay, config: { seconds: 300 }", "type: fail, config: { mode: hang }");
  const [started, watched, config] = await Promise.all([
    service.client.configs.create({ config_yaml: SLOW, name: "started" }),
    service.run(SLOW),
    service.client.configs.create({ config_yaml: stuck, name: "stuck" }),
  ]);
  const keys = [{ after: "1 of 5 messages", send: CTRL_C }];
  const [run, watch, twice] = await Promise.all([
    inTerminal(["configs", "run", started.id, "--watch", "--url", service.url], { keys }),
    inTerminal(["watch", watched, "--cancel", "--url", service.url], { keys }),
    inTerminal(["configs", "run", config.id, "--watch", "--url", service.url], {
      keys: [...keys, { after: "once more", send: CTRL_C, pause: 0.5 }],
    }),
  ]);
  for (const { code, stdout } of [run, watch, twice]) {
    assert.equal(code, 130, stdout);
    assert.match(stdout, /Cancelling the run; Ctrl-C once more leaves at once/);
  }
  for (const { stdout } of [run, watch]) {
    const screen = await Screen.of(stdout);
    assert.match(screen.lines.at(-1) ?? "", /^cancelled: 1 message done, 4 failed/);
    // It ended early, so that there is no bar that is full.
    assert.match(screen.lines.at(-3) ?? "", /^5 messages {2}/);
  }
  assert.equal((await service.client.executions.get(watched)).status, "cancelled");
});

test("a watch of a run with failures shows the kinds of errors, each with how often and an example", async () => {
  const yaml = `version: "1.0"
name: errors
error_handling: { max_retries: 0, on_error: continue }
routes:
  make: { adapters: [{ type: generate, config: { count: 30 } }], outbound: [work] }
  work:
    adapters:
      - { type: fail, config: { when: "index % 3 = 0", code: THIRD, message: "Every third." } }
      - { type: fail, config: { when: "index % 6 = 1", code: THIRD, message: "Every third." } }
    outbound: [hold]
  hold: { inbound: { concurrency: 30 }, adapters: [{ type: delay, config: { seconds: 300 } }] }
init_message: { route: make }
`;
  const id = await service.run(yaml);
  const { stdout } = await inTerminal(["watch", id, "--url", service.url], {
    keys: [{ after: "work: 15 × THIRD: Every third.", send: CTRL_C }],
  });
  const screen = await Screen.of(stdout);
  assert.ok(screen.lines.includes("work: 15 × THIRD: Every third."), screen.lines.join("\n"));
  await service.client.executions.cancel(id);
});
