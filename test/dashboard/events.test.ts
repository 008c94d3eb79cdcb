import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { Page } from "playwright-core";
import { skipWithoutChromium } from "../support/chromium.ts";
import { accessibilityFaults, DashboardRig, screenshot, sidewaysScroll } from "../support/dashboard.ts";
import { eventually } from "../support/eventually.ts";

const skip = skipWithoutChromium();

const MANY = `
version: "1.0"
name: many
routes:
  make: { adapters: [{ type: generate, config: { count: 2000 } }], outbound: [work] }
  work:
    error_handling: { max_retries: 0, on_error: continue }
    adapters:
      - { type: fail, config: { when: "index = 1234", code: ODD_ONE, message: "This one is odd.", retryable: false } }
init_message: { route: make }
`;

/** More events than a browser lets an element be high for. */
const HUGE = `
version: "1.0"
name: huge
routes:
  make: { adapters: [{ type: generate, config: { count: 100000 } }], outbound: [work] }
  work: { inbound: { concurrency: 30 }, adapters: [{ type: filter, config: { when: "true" } }] }
init_message: { route: make }
`;

const SLOW = `
version: "1.0"
name: slow
routes:
  make: { adapters: [{ type: generate, config: { count: 2000 } }], outbound: [work] }
  work: { adapters: [{ type: delay, config: { seconds: 0.05 } }] }
init_message: { route: make }
`;

/** Two events, and then none for an hour. */
const QUIET = `
version: "1.0"
name: quiet
routes:
  wait: { adapters: [{ type: delay, config: { seconds: 3600 } }] }
init_message: { route: wait }
`;

let rig: DashboardRig;

before(async () => {
  if (skip !== false) return;
  rig = await DashboardRig.start();
  const { configs, executions } = rig.service.client;
  const many = await configs.create({ config_yaml: MANY });
  await configs.run(many.id, { tag: "many" });
  await executions.wait("many");
  await configs.create({ config_yaml: SLOW });
});
after(async () => {
  if (skip === false) await rig[Symbol.asyncDispose]();
});

test("a run of which nothing has come for a while is live, and not caught up with", { skip }, async () => {
  const { configs, executions } = rig.service.client;
  await configs.run((await configs.create({ config_yaml: QUIET })).id, { tag: "quiet" });
  // What is older than five seconds is of the past.
  await wait(6_000);
  const page = await rig.open("/runs/quiet/events");
  await page.getByText("2 events", { exact: true }).waitFor();
  // The run's own state, and that of its events.
  await eventually(async () => assert.equal(await page.getByText("live", { exact: true }).count(), 2));
  await page.context().close();
  await executions.cancel("quiet");
});

test("every event of a run can be gone to with the keyboard, opened, and found by type, route and text", {
  skip,
}, async () => {
  const page = await rig.open("/runs/many/events");
  // initiated, processing, completed or failed: of one message that makes, and 2,000 that are made.
  await page.getByText("6,003 events", { exact: true }).waitFor();
  const list = page.getByRole("listbox", { name: "Events" });
  await list.focus();
  await page.keyboard.press("Home");
  const first = page.getByRole("option", { name: /initiated make/ });
  await first.waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "The event as JSON" }).getByText('"parent_message_id": null').waitFor();
  await page.keyboard.press("End");
  assert.equal(await page.getByRole("option").last().getAttribute("aria-posinset"), "6003");
  await page.keyboard.press("PageUp");
  await page.keyboard.press("PageUp");
  await page.getByRole("button", { name: "Follow" }).waitFor();

  await page.getByLabel("Search", { exact: true }).fill("odd_one");
  await page.getByText("1 event", { exact: true }).waitFor();
  await page.getByText("ODD_ONE: This one is odd.").click();
  await page.getByRole("link", { name: "All events of this message" }).click();
  await page.getByText("3 events", { exact: true }).waitFor();
  assert.match(page.url(), /text=/);
  // The same address in another window shows the same.
  const other = await rig.open(new URL(page.url()).pathname + new URL(page.url()).search);
  await other.getByText("3 events", { exact: true }).waitFor();
  await other.goto(`${rig.service.url}/runs/many/events?types=failed,completed&routes=work`);
  await other.getByText("2,000 events", { exact: true }).waitFor();
  await leave(other);
  await leave(page);
});

test("among hundreds of thousands of events the wheel moves by rows, and the scroll bar leads anywhere", {
  skip,
}, async () => {
  const { configs, executions } = rig.service.client;
  const { id } = await configs.create({ config_yaml: HUGE });
  await configs.run(id, { tag: "huge" });
  await executions.wait("huge");
  const page = await rig.open("/runs/huge/events");
  await page.getByText("300,003 events", { exact: true }).waitFor();
  const list = page.getByRole("listbox", { name: "Events" });
  const first = async () => Number(await page.getByRole("option").first().getAttribute("aria-posinset"));
  await page.evaluate(`{
    const list = document.querySelector("[role=listbox]");
    list.scrollTop = list.scrollHeight / 2;
  }`);
  await eventually(async () => assert.ok(Math.abs((await first()) - 150_000) < 100));
  await page.getByRole("option", { name: "work" }).first().waitFor();
  const before = await first();
  await list.hover();
  // Ten rows of 28 pixels.
  await page.mouse.wheel(0, 280);
  await eventually(async () => assert.ok((await first()) === before + 10));
  await page.mouse.wheel(0, -280);
  await eventually(async () => assert.ok((await first()) === before));
  await leave(page);
});

test("while a run goes on its newest event stays in sight, until the reader stops to look", { skip }, async () => {
  const { configs, executions } = rig.service.client;
  await configs.run((await configs.find("slow")).id, { tag: "slow" });
  const page = await rig.open("/runs/slow/events");
  const total = async () => Number((await page.getByText(/^[\d,]+ events$/).innerText()).replaceAll(/\D/g, ""));
  const lastInSight = async () => Number(await page.getByRole("option").last().getAttribute("aria-posinset"));
  await page
    .getByRole("option", { name: /completed work/ })
    .first()
    .waitFor();
  const before = await total();
  await eventually(async () => assert.ok((await lastInSight()) > before + 10));
  await page.setViewportSize({ width: 1280, height: 1200 });
  const grown = await total();
  await eventually(async () => assert.ok((await lastInSight()) > grown + 5));
  await page.getByRole("button", { name: "Pause" }).click();
  const stopped = await lastInSight();
  const then = await total();
  await eventually(async () => assert.ok((await total()) > then + 10));
  assert.ok((await lastInSight()) <= stopped + 1);
  await page.getByRole("button", { name: "Follow" }).click();
  await eventually(async () => assert.ok((await lastInSight()) > then + 5));
  await executions.cancel("slow");
  await page.getByText("ended", { exact: true }).first().waitFor();
  await leave(page);
});

test("without network the page says that it reconnects; when it is back it has every event, and no reload was needed", {
  skip,
}, async () => {
  const { configs, executions } = rig.service.client;
  await configs.run((await configs.find("slow")).id, { tag: "cut" });
  const page = await rig.open("/runs/cut/events");
  await page.evaluate("window.notReloaded = true");
  await page
    .getByRole("option", { name: /completed work/ })
    .first()
    .waitFor();
  await page.context().setOffline(true);
  // Chromium cuts new requests alone: what was open breaks when the service goes.
  const { dataDir } = rig.service;
  assert.ok(dataDir);
  await rig.service.end("SIGKILL");
  await page.getByText("reconnecting").first().waitFor();
  await rig.service.start();
  await page.context().setOffline(false);
  await page.getByText("live", { exact: true }).first().waitFor();
  await executions.cancel("cut").catch(() => rig.service.client.executions.cancel("cut"));
  await page.getByText("ended", { exact: true }).first().waitFor();
  let count = 0;
  for await (const event of rig.service.client.executions.events("cut")) if (event.type !== "end") count += 1;
  await page.getByText(`${count.toLocaleString("en")} events`, { exact: true }).waitFor();
  assert.equal(await page.evaluate("window.notReloaded"), true);
  // The browser tells of each request that it could not make.
  rig.complaints.splice(0);
  await leave(page);
});

test("events are usable in both themes and on a narrow screen", { skip }, async () => {
  for (const theme of ["light", "dark"] as const) {
    for (const width of [360, 1280]) {
      const page = await rig.open("/runs/many/events", { theme, width });
      await page.getByText("6,003 events", { exact: true }).waitFor();
      await page.getByRole("option").nth(3).click();
      await page.getByRole("region", { name: "The event as JSON" }).waitFor();
      assert.equal(await sidewaysScroll(page), 0);
      assert.deepEqual(await accessibilityFaults(page), [], `${theme}, ${width}`);
      await screenshot(page, `events-${theme}-${width}`);
      await leave(page);
    }
  }
});

/** Nothing went wrong that only the console was told. */
async function leave(page: Page): Promise<void> {
  await page.context().close();
  assert.deepEqual(rig.complaints.splice(0), []);
}
