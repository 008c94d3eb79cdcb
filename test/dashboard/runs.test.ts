import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { skipWithoutChromium } from "../support/chromium.ts";
import { accessibilityFaults, DashboardRig, screenshot, sidewaysScroll, type View } from "../support/dashboard.ts";

const skip = skipWithoutChromium();

const STEADY = `
version: "1.0"
name: steady
routes:
  make: { adapters: [{ type: generate, config: { count: 40 } }], outbound: [work] }
  work: { adapters: [{ type: delay, config: { seconds: 0.2 } }] }
init_message: { route: make, payload: { who: nobody } }
`;

const FLAKY = `
version: "1.0"
name: flaky
routes:
  make: { adapters: [{ type: generate, config: { count: 12 } }], outbound: [work] }
  work:
    error_handling: { max_retries: 0, on_error: continue }
    adapters:
      - { type: fail, config: { when: "index % 4 = 1 and $not($exists(mended))", code: BROKEN, message: "Number \${index} is broken.", retryable: false } }
init_message: { route: make }
`;

const VIEWS: readonly View[] = [
  { theme: "light", width: 1280 },
  { theme: "dark", width: 360 },
];

let rig: DashboardRig;

before(async () => {
  if (skip !== false) return;
  rig = await DashboardRig.start();
  const { configs } = rig.service.client;
  await configs.create({ config_yaml: STEADY });
  await configs.create({ config_yaml: FLAKY });
});
after(async () => {
  if (skip === false) await rig[Symbol.asyncDispose]();
});

test("a run is started from the list of runs, watched to its end, and its first message has what was typed", {
  skip,
}, async () => {
  const page = await rig.open("/");
  await page.getByText("Nothing has run yet.").waitFor();
  await page.getByRole("button", { name: "Start a run" }).click();
  await page.getByRole("option", { name: "steady" }).click();
  const dialog = page.getByRole("dialog", { name: "Run steady" });
  await dialog.getByLabel("Payload").click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.insertText('{ "who": "somebody" }');
  await dialog.getByLabel("Tag").fill("watched");
  await dialog.getByRole("button", { name: "Start the run" }).click();
  await page.getByRole("heading", { level: 1, name: "watched" }).waitFor();
  await page.getByText("running", { exact: true }).first().waitFor();
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByText("41 messages settled").waitFor();
  await page.getByText("ended", { exact: true }).waitFor();
  await page.getByText("completed", { exact: true }).first().waitFor();
  assert.equal(await page.getByRole("button", { name: "Cancel run" }).count(), 0);
  const run = await rig.service.client.executions.get("watched");
  assert.deepEqual(run.config_snapshot.init_message, { route: "make", payload: { who: "somebody" } });
  await leave(page);
});

test("a run is cancelled after a question, and the list of runs shows it live and finds it", { skip }, async () => {
  const list = await rig.open("/");
  const page = await rig.open("/");
  const { configs } = rig.service.client;
  const steady = await configs.find("steady");
  await configs.run(steady.id, { tag: "given-up" });
  await page.getByRole("link", { name: "given-up" }).click();
  await page.getByRole("button", { name: "Cancel run" }).click();
  await page.getByRole("button", { name: "Keep it running" }).click();
  await page.getByRole("button", { name: "Cancel run" }).click();
  await list.getByRole("row", { name: /given-up running/ }).waitFor();
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await page.getByText("cancelled", { exact: true }).first().waitFor();
  await list.getByRole("row", { name: /given-up cancelled/ }).waitFor();

  await list.getByLabel("Search").fill("given");
  await list.waitForURL(/search=given/);
  await list.getByText("1 run", { exact: true }).waitFor();
  await list.getByLabel("Search").fill("no such run");
  await list.getByText("No run fits these filters.").waitFor();
  await list.getByRole("button", { name: "Show all runs" }).click();
  await list.getByRole("row", { name: /given-up/ }).waitFor();
  await list.goto(`${rig.service.url}/?status=cancelled`);
  await list.getByText("1 run", { exact: true }).waitFor();
  await leave(list);
  await leave(page);
});

test("failed messages are retried in a new run with another payload, one by itself or a group", { skip }, async () => {
  const { configs, executions } = rig.service.client;
  const flaky = await configs.find("flaky");
  await configs.run(flaky.id, { tag: "broken" });
  await executions.wait("broken");
  const page = await rig.open("/runs/broken/failures");
  await page.getByText("3 messages failed for good, in one way.").waitFor();
  await page
    .getByRole("button", { name: /BROKEN work \/ fail/ })
    .first()
    .click();
  const payload = page.getByLabel("Its payload");
  await payload.getByText(/"index": \d/).waitFor();
  await page.getByRole("link", { name: "Its journey" }).click();
  await page.getByRole("heading", { name: "Its way through the adapters" }).waitFor();
  await page.getByText("Where it comes from").waitFor();
  await page.goBack();
  await page.getByRole("button", { name: "Retry", exact: true }).click();
  const one = page.getByRole("dialog", { name: "Retry this message" });
  await one.getByLabel("Payload").fill("{ not json");
  await one.getByText(/^Line 1: This is not JSON/).waitFor();
  assert.equal(await one.getByRole("button", { name: "Retry", exact: true }).isDisabled(), true);
  await one.getByLabel("Payload").fill('{ "index": 1, "mended": true }');
  await one.getByLabel("Tag of the new run").fill("broken");
  await one.getByRole("button", { name: "Retry", exact: true }).click();
  await one.getByText(/"broken"/).waitFor();
  await one.getByLabel("Tag of the new run").fill("mended");
  await one.getByRole("button", { name: "Retry", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "mended" }).waitFor();
  await page.getByText("1 messages settled").or(page.getByText("1 message settled")).waitFor();
  const mended = await executions.stats("mended");
  assert.deepEqual([mended.completed_messages, mended.failed_messages], [1, 0]);

  await page.goto(`${rig.service.url}/runs/broken/failures`);
  await page.getByRole("button", { name: /Retry \d/ }).click();
  const many = page.getByRole("dialog");
  await many.getByLabel("Changes to each payload").fill('{ "mended": true }');
  await many.getByRole("button", { name: "Retry", exact: true }).click();
  await page.getByText("2 messages are retried here.").waitFor();
  // The browser says itself that the tag was taken.
  rig.complaints.splice(0, 1);
  await page.getByText("2 messages settled").waitFor();
  await leave(page);
});

test("two runs of a config are compared, and a part of one is replayed", { skip }, async () => {
  const { configs, executions } = rig.service.client;
  const flaky = await configs.find("flaky");
  for (const tag of ["one", "two"]) {
    await configs.run(flaky.id, { tag });
    await executions.wait(tag);
  }
  const page = await rig.open("/runs/one/compare?with=two");
  await page.getByText("Both ran by the same definition.").waitFor();
  await page.getByRole("row", { name: /^Messages 13 13 the same/ }).waitFor();
  await page.getByRole("button", { name: "Replay" }).click();
  const dialog = page.getByRole("dialog", { name: "Replay a part of this run" });
  await dialog.getByLabel("What is done again").click();
  await page.getByRole("option", { name: "Payloads that are typed here" }).click();
  await dialog.getByLabel("Payloads").fill('[{ "index": 1 }, { "index": 2 }]');
  await dialog.getByRole("combobox", { name: "Into the route" }).click();
  await page.getByRole("option", { name: "work" }).click();
  await dialog.getByLabel("Tag of the new run").fill("replayed");
  await dialog.getByRole("button", { name: "Replay", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "replayed" }).waitFor();
  await page.getByText("2 messages settled").waitFor();
  await page.getByText("replay of").waitFor();
  await leave(page);
});

test("a run that is not there says so, and every view is usable in both themes and on a narrow screen", {
  skip,
}, async () => {
  const { configs, executions } = rig.service.client;
  await configs.run((await configs.find("flaky")).id, { tag: "looked-at" });
  await executions.wait("looked-at");
  const message = (await executions.failures("looked-at")).failures[0]?.message_id;
  for (const view of VIEWS) {
    for (const [name, path, sight] of [
      ["run-list", "/", "looked-at"],
      ["overview", "/runs/looked-at", "Routes and adapters"],
      ["failures", `/runs/looked-at/failures?message=${message}`, "Its journey"],
      ["message", `/runs/looked-at/messages/${message}`, "What came of it"],
      ["compare", "/runs/looked-at/compare", "Compare with"],
      ["no-run", "/runs/never", "There is no run with the id or tag never."],
      ["no-page", "/runs/looked-at/nothing", "There is no such page."],
    ] as const) {
      const page = await rig.open(path, view);
      await page.getByText(sight).first().waitFor();
      assert.equal(await sidewaysScroll(page), 0, name);
      assert.deepEqual(await accessibilityFaults(page), [], `${name}, ${view.theme}`);
      await screenshot(page, `${name}-${view.theme}-${view.width}`);
      // The browser says itself that the run was not found.
      if (name === "no-run") rig.complaints.splice(0);
      await leave(page);
    }
  }
});

/** Nothing went wrong that only the console was told. */
async function leave(page: Page): Promise<void> {
  await page.context().close();
  assert.deepEqual(rig.complaints.splice(0), []);
}
