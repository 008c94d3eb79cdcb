import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceProcess } from "../support/service-process.ts";
import { campaign } from "./api-campaign.ts";

test("whatever is asked of any operation, the answer is one that its description has", async () => {
  await using service = await ServiceProcess.start(["--http-allow-hosts", "127.0.0.1,[::1]"]);
  const { findings } = await campaign({ url: service.url, headers: {}, requests: 2_000, seed: 2026, at: 16 }, () => {});
  assert.deepEqual(findings, []);
  assert.doesNotMatch(service.stderr, /"level":(?:50|60)/);
});
