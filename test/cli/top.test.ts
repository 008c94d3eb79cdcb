import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { millrace } from "../support/command.ts";
import { RunningTerminal } from "../support/running-terminal.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { BROKEN, QUICK, SLOW } from "./pipelines.ts";

const ESCAPE = "\u001b";
const DOWN = "\u001b[B";

let service: ServiceProcess;
let slow: string;

before(async () => {
  service = await ServiceProcess.start();
  const ids = await Promise.all([service.run(QUICK, {}, "?tag=quick"), service.run(BROKEN, {}, "?tag=broken")]);
  slow = await service.run(SLOW, {}, "?tag=slow");
  await Promise.all(ids.map((id) => service.client.executions.wait(id)));
  while ((await service.client.executions.stats(slow)).completed_messages < 1)
    await new Promise((resolve) => setTimeout(resolve, 20));
});
after(() => service[Symbol.asyncDispose]());

function top(columns = 100): RunningTerminal {
  return RunningTerminal.millrace(["top", "--url", service.url], { columns, rows: 16 });
}

test("a pipe and --json get all runs once, what goes on first, each with what it has done", async () => {
  const [plain, json, nobody] = await Promise.all([
    millrace(["top", "--url", service.url]),
    millrace(["top", "--json", "--url", service.url]),
    millrace(["top", "--url", "http://127.0.0.1:1"]),
  ]);
  assert.equal(plain.code, 0, plain.stderr);
  const [titles, first, ...others] = plain.stdout.trimEnd().split("\n");
  assert.match(titles ?? "", /^status +config +run +progress +done +to do +failed +rate +took +age$/);
  assert.match(first ?? "", /^running +test +slow +██░{8} +20% +1 +4 +0 /);
  assert.equal(others.length, 2);
  // What a run that ended early was to do is not known.
  assert.match(plain.stdout, /^failed +test +broken +– +0 +0 +1 /m);
  const { total, executions } = JSON.parse(json.stdout);
  assert.equal(total, 3);
  assert.deepEqual(
    executions
      .map(({ tag, progress }: { tag: string; progress: { completed: number } }) => [tag, progress.completed])
      .sort(),
    [
      ["broken", 0],
      ["quick", 4],
      ["slow", 1],
    ],
  );
  assert.equal(nobody.code, 6);
  assert.match(nobody.stderr, /There is no answer/);
});

test("a run is chosen, opened and closed by keys, and a new one appears by itself", async () => {
  await using terminal = top();
  await terminal.shows(/^running +test +slow .* 20% +1 +4 +0 /);
  await terminal.shows(/1 running {2}3 in all/);
  assert.equal((await terminal.screen()).cursor, false);
  terminal.press("\r");
  await terminal.shows(/^test {2}slow {2}running/);
  await terminal.shows(/^wait +0 +4 +0 +0/);
  terminal.press(ESCAPE);
  await terminal.shows(/↑↓ select/);
  const id = await service.run(QUICK, {}, "?tag=late");
  await service.client.executions.wait(id);
  await terminal.shows(/^completed +test +late .* 100% +4 +0 +0 /);
  terminal.press("/");
  await terminal.shows(/^Find: /);
  terminal.press("broken\r");
  await terminal.shows(/with "broken"/);
  assert.equal((await terminal.screen()).view.filter((line) => /^(completed|failed|running) /.test(line)).length, 1);
  terminal.press(`${ESCAPE}`);
  await terminal.shows(/^running +test +slow/);
  terminal.press(`f${""}`);
  await terminal.shows("only active");
  terminal.press("f");
  await terminal.shows("only failed");
  await terminal.shows(/^failed +test +broken/);
  assert.ok(!(await terminal.screen()).view.some((line) => /^completed/.test(line)));
  terminal.press("c");
  await terminal.shows("It is over: failed.");
  // The key takes the message away: nothing of that may be drawn any more.
  terminal.press("q");
  assert.equal(await terminal.ended(), 0);
  const { cursor, lines } = await terminal.screen();
  assert.ok(cursor);
  assert.deepEqual(lines, [], "what was on the terminal before is there again");
});

test("a run is cancelled only after a yes, and one that is over is not", async () => {
  const id = await service.run(SLOW, {}, "?tag=doomed");
  await using terminal = top();
  await terminal.shows(/doomed/);
  terminal.press("/doomed\r");
  await terminal.shows(/with "doomed"/);
  terminal.press("c");
  await terminal.shows(/^Cancel doomed \(test\)\? y cancels it/);
  terminal.press("n");
  await terminal.shows("Not cancelled.");
  assert.equal((await service.client.executions.get(id)).status, "running");
  terminal.press("c");
  await terminal.shows(/^Cancel doomed/);
  terminal.press("y");
  await terminal.shows(/^cancelled +test +doomed/);
  assert.equal((await service.client.executions.get(id)).status, "cancelled");
  terminal.press("c");
  await terminal.shows("It is over: cancelled.");
  terminal.press("\u0003");
  assert.equal(await terminal.ended(), 130);
  assert.ok((await terminal.screen()).cursor);
});

test("40 columns and another size while it runs are drawn without a broken line", async () => {
  await using terminal = top(40);
  await terminal.shows(/^running .*slow/);
  terminal.press(DOWN);
  await terminal.resize(10, 60, "select");
  await terminal.shows(/^running .*slow/);
  assert.equal((await terminal.screen()).broken, 0);
  terminal.press("q");
  assert.equal(await terminal.ended(), 0);
});
