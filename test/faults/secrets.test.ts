import assert from "node:assert/strict";
import { test } from "node:test";
import { readStream } from "../support/read-stream.ts";
import { ServiceProcess } from "../support/service-process.ts";

test("a secret is in no event, record, report or log line, also when the step that has it fails", async () => {
  const secret = 'hush "quoted" hush';
  await using service = await ServiceProcess.start(["--log-level", "debug"], { MILLRACE_SECRET_TOKEN: secret });
  const id = await service.run(`
version: "1.0"
routes:
  call:
    error_handling: { max_retries: 0, on_error: continue }
    adapters:
      - type: json_transform
        config: { expression: "$number('\${secret:TOKEN}')" }
init_message: { route: call }
`);
  const { frames } = await readStream(`${service.url}/api/v1/executions/${id}/events`);
  const failed = frames.find((frame) => frame.event === "failed");
  assert.match(JSON.stringify(failed?.data.error), /EXPRESSION_FAILED.*\[secret TOKEN\]/);
  const { config_id, ...execution } = await service.client.executions.get(id);
  const config = await service.client.configs.get(config_id ?? "");
  const shown = JSON.stringify([frames, execution, config]) + service.stderr;
  assert.ok(shown.includes("${secret:TOKEN}"), "the placeholder is what is kept");
  assert.ok(!shown.includes("hush"), "the secret is not");
});
