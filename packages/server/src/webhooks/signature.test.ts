import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_ATTEMPTS, pauseAfter } from "./back-off.ts";
import { isWebhookSecret, makeWebhookSecret, signatureHeaders } from "./signature.ts";

test("a delivery is signed as the example of the Standard Webhooks libraries is", () => {
  const headers = signatureHeaders(
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    1_614_265_330_000,
    '{"test": 2432232314}',
  );
  assert.deepEqual(headers, {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
  assert.ok(isWebhookSecret(makeWebhookSecret()));
});

test("a delivery is tried again over a day with growing pauses, later where it is asked for, and then given up", () => {
  const pauses = Array.from({ length: MAX_ATTEMPTS }, (_, index) => pauseAfter(index + 1, null, () => 0.5));
  assert.equal(pauses.at(-1), null);
  const all = pauses.filter((pause) => pause !== null);
  assert.deepEqual(
    all,
    all.toSorted((a, b) => a - b),
  );
  const hours = all.reduce((sum, pause) => sum + pause, 0) / 3_600_000;
  assert.ok(hours > 23 && hours < 25, `${hours} h`);
  assert.equal(
    pauseAfter(1, 60, () => 0.5),
    60_000,
  );
  assert.equal(
    pauseAfter(1, 1e9, () => 0.5),
    28_800_000,
    "no longer than the longest pause",
  );
});
