import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceProcess } from "../support/service-process.ts";
import { edgeFuzzer } from "./edge-fuzzer.ts";
import { run } from "./fuzzer.ts";

for (const workers of [1, 2]) {
  test(`whatever comes over a connection, the service answers as promised, or closes it (workers: ${workers})`, async () => {
    await using service = await ServiceProcess.start(workers === 1 ? [] : ["--workers", String(workers)]);
    await run(edgeFuzzer(service.url, 120), 120, 2026);
    assert.doesNotMatch(service.stderr, /"level":(?:50|60)/);
  });
}
