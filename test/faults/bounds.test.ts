import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { checkJournal } from "../support/check-journal.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

/** A million, by command. */
const MESSAGES = Number(process.env.TEST_EMITS ?? 50_000);
const TEXT = "x".repeat(6_000);

describe("what has no end of its own", () => {
  let service: ServiceProcess;
  const folder = mkdtempSync(join(tmpdir(), "millrace-bounds-"));
  before(async () => {
    service = await ServiceProcess.start();
  });
  after(async () => {
    await service[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test("of the messages that one message gives rise to those that wait are on the disk, and not in memory", async () => {
    const go = join(folder, "go");
    const idle = peakMb(service.pid);
    const id = await service.run(`
version: "1.0"
routes:
  make:
    adapters: [{ type: generate, config: { count: ${MESSAGES}, payload: { text: ${TEXT} } } }]
    outbound: [work]
  work: { inbound: { concurrency: 8 }, adapters: [{ type: ./test/faults/adapters/hold.ts, config: { from: 0, file: ${go} } }] }
init_message: { route: make }
`);
    for (let queued = 0; queued < MESSAGES - 8; ) {
      const { routes } = await service.client.executions.routes(id);
      queued = routes.find(({ route }) => route === "work")?.queued ?? 0;
      await wait(50);
    }
    const payloadsMb = (MESSAGES * TEXT.length) / 2 ** 20;
    const mostMb = peakMb(service.pid) - idle;
    assert.ok(mostMb < payloadsMb * 0.7, `${mostMb} MiB for ${payloadsMb} MiB of payloads`);
    writeFileSync(go, "");
    const { frames } = await readStream(`${service.url}/api/v1/executions/${id}/events?timeout=3600`);
    const settled = checkJournal(frames).filter(({ route, type }) => route === "work" && type === "completed");
    assert.equal(settled.length, MESSAGES);
  });

  test("an adapter that sends its messages to itself is ended by the hop limit, which is said", async () => {
    const id = await service.run(`
version: "1.0"
routes:
  round: { adapters: [{ type: json_transform, config: { expression: '{"round": round + 1}' } }], outbound: [round] }
init_message: { route: round, payload: { round: 0 } }
`);
    const { status, error_info } = await service.client.executions
      .wait(id, 60)
      .then(() => service.client.executions.get(id));
    assert.equal(status, "failed");
    assert.equal(error_info?.code, "HOP_LIMIT_EXCEEDED");
    assert.match(String(error_info?.message), /1001 hops .* limits\.max_hops is 1000.*route send to itself/);
  });
});

/** The most that a process has had in memory so far. */
function peakMb(pid: number): number {
  const kb = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kb) / 1024);
}
