import assert from "node:assert/strict";
import { test } from "node:test";
import { ADMIN_KEY } from "../access/keyed-service.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { campaign, FUZZED } from "./api-campaign.ts";

async function checkAnswers(seed: number, apiKey: string | null): Promise<void> {
  await using service = await ServiceProcess.start(FUZZED, apiKey === null ? {} : { MILLRACE_ADMIN_KEY: apiKey });
  const headers: Record<string, string> = apiKey === null ? {} : { Authorization: `Bearer ${apiKey}` };
  const { findings } = await campaign({ url: service.url, headers, requests: 1_500, seed, at: 16 }, () => {});
  assert.deepEqual(findings, []);
  assert.doesNotMatch(service.stderr, /"level":(?:50|60)/);
}

test("whatever is asked of any operation, the answer is one that its description has", () => checkAnswers(2026, null));

test("whatever is asked of any operation by good keys and wrong ones, the answer is one that its description has", () =>
  checkAnswers(2027, ADMIN_KEY));
