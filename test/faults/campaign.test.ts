import assert from "node:assert/strict";
import { test } from "node:test";
import { killRound } from "./kill-round.ts";

/** The long one is `npm run test:faults`. */
for (const workers of [1, 2]) {
  const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
  const which = workers === 1 ? "a service" : `a service with ${workers} workers`;
  test(`${which} that is killed at random instants takes every run to its end, and each client sees each event once`, async (t) => {
    t.diagnostic(`npx node test/faults/campaign.ts --kills 3 --seed ${seed} --workers ${workers}`);
    const { kills, compared } = await killRound({ seed, kills: 3, workers });
    assert.equal(kills, 3);
    assert.ok(compared > 10_000, `${compared} events were seen`);
  });
}
