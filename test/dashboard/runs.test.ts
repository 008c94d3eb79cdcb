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

/** Of five messages three are stored, and two fail: the payloads of those alone are kept. */
const FORGETFUL = `
version: "1.0"
name: forgetful
keep_payloads: failed
routes:
  make: { adapters: [{ type: generate, config: { count: 5 } }], outbound: [work] }
  work:
    error_handling: { max_retries: 0, on_error: continue }
    adapters:
      - { type: fail, config: { when: "index > 2", retryable: false } }
      - { type: store_write, config: { stage: out } }
  rest: { adapters: [{ type: log }] }
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
  await page.getByText("the run ended early (cancelled)").waitFor();
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
  // What is no time in an address narrows nothing.
  await list.goto(`${rig.service.url}/?tag=giv&within=whenever&before=never`);
  await list.getByText("1 run", { exact: true }).waitFor();
  assert.equal(await list.getByLabel("Tag").inputValue(), "giv");
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
  await page.getByText("1 message settled").waitFor();
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

test("a part of a run is replayed from a stage that is offered, and from what is kept where payloads are missing", {
  skip,
}, async () => {
  const { configs, executions } = rig.service.client;
  const { id } = await configs.create({ config_yaml: FORGETFUL });
  await configs.run(id, { tag: "forgetful" });
  await executions.wait("forgetful");
  const page = await rig.open("/runs/forgetful");
  await page.getByRole("button", { name: "Replay" }).click();
  const dialog = page.getByRole("dialog", { name: "Replay a part of this run" });
  await dialog.getByLabel("What is done again").click();
  await page.getByRole("option", { name: "Objects that a stage has stored" }).click();
  await dialog.getByRole("combobox", { name: "Stage" }).click();
  await page.getByRole("option", { name: "work/out" }).click();
  await dialog.getByRole("combobox", { name: "Into the route" }).click();
  await page.getByRole("option", { name: "rest" }).click();
  await dialog.getByRole("button", { name: "Replay", exact: true }).click();
  await page.getByText("3 messages settled").waitFor();

  await page.goto(`${rig.service.url}/runs/forgetful`);
  await page.getByRole("button", { name: "Replay" }).click();
  await dialog.getByRole("combobox", { name: "Messages that went into" }).click();
  await page.getByRole("option", { name: "work" }).click();
  await dialog.getByRole("button", { name: "Replay", exact: true }).click();
  await dialog.getByText("PAYLOADS_MISSING").waitFor();
  await dialog.getByLabel("Replay those whose payloads are kept").check();
  await dialog.getByRole("combobox", { name: "Which of them" }).click();
  await page.getByRole("option", { name: "Those that failed for good" }).click();
  await dialog.getByLabel("At most").fill("1");
  assert.deepEqual(await accessibilityFaults(page), []);
  await screenshot(page, "replay");
  await dialog.getByRole("button", { name: "Replay", exact: true }).click();
  await page.getByText("1 more is left for another replay.").waitFor();
  await page.getByText("replay of").waitFor();
  // The browser says itself that the payloads were missing.
  rig.complaints.splice(0, 1);
  await leave(page);
});

test("a run's page shows the config that it was started with, whatever became of it, and a run that is over is deleted", {
  skip,
}, async () => {
  const { configs, executions } = rig.service.client;
  const config = await configs.create({ config_yaml: FLAKY.replace("name: flaky", "name: frozen") });
  await executions.start({
    config_id: config.id,
    tag: "frozen",
    init_payload: { who: "me" },
    metadata: { order: 7 },
  });
  await executions.wait("frozen");
  await configs.update(config.id, { config_yaml: STEADY });
  const page = await rig.open("/runs/frozen", { width: 360 });
  await page.getByRole("link", { name: "Config", exact: true }).click();
  await page.getByRole("region", { name: "The pipeline's YAML" }).getByText("name: frozen").waitFor();
  await page.getByRole("region", { name: "The first message" }).getByText('"who": "me"').waitFor();
  await page.getByRole("region", { name: "The run's metadata" }).getByText('"order": 7').waitFor();
  assert.deepEqual(await accessibilityFaults(page), []);
  assert.equal(await sidewaysScroll(page), 0);

  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Keep it" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete the run" }).click();
  await page.getByText("frozen is gone, with all that it kept.").waitFor();
  await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
  await page.getByRole("link", { name: "frozen" }).waitFor({ state: "detached" });
  await assert.rejects(executions.get("frozen"), /frozen/);
  await leave(page);
});

test("the link that is copied leads to what is shown, also where the browser keeps its clipboard from the page", {
  skip,
}, async () => {
  const { configs, executions } = rig.service.client;
  await configs.run((await configs.find("flaky")).id, { tag: "copied" });
  await executions.wait("copied");
  const page = await rig.open("/runs/copied");
  // As on plain HTTP from another machine.
  await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })");
  await page.getByRole("link", { name: "Failures" }).click();
  await page.getByRole("button", { name: "Show these" }).click();
  await page.waitForURL(/code=BROKEN/);
  await page.getByRole("button", { name: "Copy a link to this view" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  const address = page.url();
  await page.goto(`${rig.service.url}/`);
  await page.getByLabel("Search").focus();
  await page.keyboard.press("ControlOrMeta+V");
  assert.equal(await page.getByLabel("Search").inputValue(), address);
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
      ["run-config", "/runs/looked-at/config", "First message"],
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
