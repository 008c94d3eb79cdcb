import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { skipWithoutChromium } from "../support/chromium.ts";
import { DashboardRig } from "../support/dashboard.ts";

const skip = skipWithoutChromium();

const FAILING = `
version: "1.0"
name: failing
routes:
  only:
    error_handling: { max_retries: 0, on_error: continue }
    adapters: [{ type: fail }]
init_message: { route: only }
`;

let rig: DashboardRig;

before(async () => {
  if (skip !== false) return;
  rig = await DashboardRig.start();
  const { configs, executions } = rig.service.client;
  const { id } = await configs.create({ config_yaml: FAILING });
  await configs.run(id, { tag: "over" });
  await executions.wait("over");
});
after(async () => {
  if (skip === false) await rig[Symbol.asyncDispose]();
});

test("pages that are gone to while the service is away say so, and are there as soon as it is back", {
  skip,
}, async () => {
  // Its code is there; what it asks for is not.
  const failures = await rig.open("/runs/over");
  const code = failures.waitForResponse(/failures-page.*\.js$/);
  await failures.getByRole("link", { name: "Failures" }).hover();
  await (await code).finished();
  await failures.getByRole("heading", { name: "Routes and adapters" }).waitFor();
  // Its code is not there either.
  const adapters = await rig.open("/");
  await adapters.getByRole("link", { name: "over" }).waitFor();
  await rig.service.end("SIGKILL");

  await failures.getByRole("link", { name: "Failures" }).click();
  await failures.getByText("The failures cannot be listed").waitFor();
  await failures.getByText("It is asked again by itself.").waitFor();
  await adapters.getByRole("link", { name: "Adapters" }).click();
  await adapters.getByText("This page could not be loaded").waitFor();
  await adapters.getByRole("link", { name: "Configs" }).waitFor();

  await rig.service.start();
  await failures.getByText("1 message failed for good, in one way.").waitFor();
  await adapters.getByRole("heading", { level: 1, name: "Adapters" }).waitFor();
  await adapters.getByRole("link", { name: "generate" }).first().waitFor();
  for (const page of [failures, adapters]) await page.context().close();
  // The browser tells of each request that it could not make.
  const complaints = rig.complaints.splice(0);
  assert.deepEqual(
    complaints.filter((each) => !/ERR_|Failed to fetch|did not come|Failed to load/.test(each)),
    [],
  );
});
