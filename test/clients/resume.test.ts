import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT } from "../docs/pages.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

const PIPELINE = `
version: "1.0"
name: watched
routes:
  make: { adapters: [{ type: generate, config: { count: 300 } }], outbound: [work] }
  work: { inbound: { concurrency: 2 }, adapters: [{ type: delay, config: { seconds: 0.02 } }] }
init_message: { route: make }
`;

let service: ServiceProcess;
const folder = mkdtempSync(join(tmpdir(), "millrace-resume-"));
before(async () => {
  service = await ServiceProcess.start();
});
after(async () => {
  await service[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const eventsUrl = (id: string) => `${service.url}/api/v1/executions/${id}/events`;
const example = (name: string) => join(ROOT, "examples", "clients", name);

test("the Python program of the guide sees each event once, over connections that end, and stops at the end", async () => {
  const id = await service.run(PIPELINE);
  const child = spawn("python3", [example("watch.py"), `${eventsUrl(id)}?timeout=1`]);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  assert.deepEqual(await once(child, "close"), [0, null], stderr.text);
  const seen = stdout.text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ", 2).join(" "));
  const { frames } = await readStream(eventsUrl(id));
  // A stream that lasts no longer says so, and that is no event.
  assert.deepEqual(
    seen.filter((line, index) => !line.endsWith(" end") || index === seen.length - 1),
    frames.map((frame) => `${frame.id} ${frame.event}`),
  );
});

test("the Node program of the guide goes on where it was after it was killed", async () => {
  const id = await service.run(PIPELINE);
  const args = [example("resume.ts"), `${eventsUrl(id)}?timeout=1`, join(folder, "last-event-id")];
  const first = spawn(process.execPath, args);
  const before = collect(first.stdout);
  while (before.text.split("\n").length < 20) await once(first.stdout, "data");
  first.kill("SIGKILL");
  await once(first, "close");
  const second = spawn(process.execPath, args);
  const [after, stderr] = [collect(second.stdout), collect(second.stderr)];
  assert.deepEqual(await once(second, "close"), [0, null], stderr.text);
  const lines = (text: string) =>
    text.split("\n").filter((line) => /^(?:initiated|processing|completed|failed) /.test(line));
  // The event during which it was killed may have been told of and not noted.
  const seen = new Set([...lines(before.text).filter(isWhole), ...lines(after.text)]);
  const { frames } = await readStream(eventsUrl(id));
  assert.deepEqual(
    [...seen],
    frames.filter(({ event }) => event !== "end").map(({ event, data }) => `${event} ${JSON.stringify(data)}`),
  );
  assert.match(after.text, /^end .*"completed".*\n$/m);
});

/** Not what a kill has cut short. */
const isWhole = (line: string) => line.endsWith("}");

function collect(stream: NonNullable<ChildProcess["stdout"]>): { text: string } {
  const collected = { text: "" };
  stream.on("data", (chunk) => {
    collected.text += chunk;
  });
  return collected;
}
