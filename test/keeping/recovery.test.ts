import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { checkJournal } from "../support/check-journal.ts";
import { millrace } from "../support/command.ts";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { untilInterrupted, untilTakenUp } from "../support/taken-up.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-recovery-"));
const adapter = join(folder, "wait.ts");
/** The adapter waits for as long as there is no such file. */
const gate = join(folder, "open");

let service: ServiceProcess;
before(async () => {
  writeFileSync(
    adapter,
    `import { existsSync } from "node:fs";
import { defineAdapter, z } from "millrace";
export default defineAdapter({
  type: "wait",
  description: "Waits for a file.",
  config: z.strictObject({}),
  async process({ payload }, { signal }) {
    while (!existsSync(${JSON.stringify(gate)}) && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
    return payload;
  },
});`,
  );
  service = await ServiceProcess.start(["--shutdown-grace", "0", "--adapters-dir", folder]);
});
after(async () => {
  await service[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

test("how a run was interrupted is recorded: killed, shut down, or kept from going on by a missing adapter", async () => {
  const id = await service.run(`
version: "1.0"
routes:
  a: { adapters: [{ type: generate, config: { count: 3 } }], outbound: [b] }
  b: { inbound: { concurrency: 2 }, adapters: [{ type: wait }] }
init_message: { route: a }
`);
  let begun = 0;
  const { frames } = await readStream(`${service.url}/api/v1/executions/${id}/events`, {
    until: ({ event, data }) => {
      if (event === "processing" && data.route === "b") begun += 1;
      return begun === 2;
    },
  });
  const lastEventAt = frames.at(-1)?.data.timestamp;

  await service.end("SIGKILL");
  await service.start();
  await untilTakenUp(service, id, 1);
  const [killed] = (await service.client.executions.get(id)).recoveries;
  assert.deepEqual(killed, {
    at: killed?.at,
    redone: 2,
    interrupted_at: lastEventAt,
    interrupted_by: "crash",
    held_up_by: null,
  });

  const stoppedAt = new Date().toISOString();
  assert.equal(await service.end("SIGTERM"), 0);
  renameSync(adapter, `${adapter}.away`);
  await service.start();
  await untilInterrupted(service, id);
  const held = await service.client.executions.get(id);
  assert.equal(held.status, "interrupted");
  assert.equal(held.recoveries.length, 1);
  assert.deepEqual([held.error_info?.code, held.error_info?.interrupted_by], ["INTERRUPTED", "shutdown"]);
  const at = held.error_info?.interrupted_at;
  assert.ok(String(at) >= stoppedAt && String(at) <= new Date().toISOString(), String(at));

  await service.end("SIGKILL");
  renameSync(`${adapter}.away`, adapter);
  await service.start();
  await untilTakenUp(service, id, 2);
  const again = await service.client.executions.get(id);
  assert.deepEqual([again.status, again.error_info], ["running", null]);
  assert.deepEqual(again.recoveries, [
    killed,
    {
      at: again.recoveries[1]?.at,
      redone: 2,
      interrupted_at: at,
      interrupted_by: "shutdown",
      held_up_by: held.error_info?.message,
    },
  ]);
  assert.match(String(again.recoveries[1]?.held_up_by), /"wait"/);
  const shown = await millrace(["executions", "get", id, "--url", service.url]);
  assert.ok(shown.stdout.includes(`interrupted after ${lastEventAt}, when its process went without a word, taken up`));
  assert.match(shown.stdout, /by a shutdown, taken up again .* with 2 messages begun again \(not at once: .*"wait"/);

  // Whoever watches goes on with the cursor from before all of it.
  writeFileSync(gate, "");
  const headers = { "last-event-id": frames.at(-1)?.id ?? "" };
  const rest = await readStream(`${service.url}/api/v1/executions/${id}/events`, { headers });
  assert.equal(rest.frames.at(-1)?.data.reason, "completed");
  checkJournal([...frames, ...rest.frames]);
});
