import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient } from "@millrace/client";
import { QUICK } from "../cli/pipelines.ts";
import { skipWithoutChromium } from "../support/chromium.ts";
import { accessibilityFaults, DashboardRig, screenshot } from "../support/dashboard.ts";

const skip = skipWithoutChromium();
let rig: DashboardRig;
before(async () => {
  if (skip === false) rig = await DashboardRig.start();
});
after(() => rig?.[Symbol.asyncDispose]());

async function run(tag: string, project: string): Promise<void> {
  const { configs, executions } = createClient({ baseUrl: rig.service.url, project });
  const { id } = await configs.create({ config_yaml: QUICK });
  await configs.run(id, { tag });
  await executions.wait(tag);
}

test("where there are several projects the pages are narrowed to the one that is chosen, and stay so", {
  skip,
}, async () => {
  await run("of-default", "default");
  const page = await rig.open("/");
  await page.getByText("of-default").first().waitFor();
  assert.equal(await page.getByRole("combobox", { name: "Project" }).count(), 0, "of one there is nothing to choose");
  await run("of-shop", "shop");
  await page.reload();
  await page.getByText("of-shop").first().waitFor();
  const select = page.getByRole("combobox", { name: "Project" });
  await select.selectOption("shop");
  await page.getByText("of-default").first().waitFor({ state: "detached" });
  await page.getByText("of-shop").first().waitFor();
  assert.deepEqual(await accessibilityFaults(page), []);
  await page.reload();
  await page.getByText("of-shop").first().waitFor();
  assert.equal(await select.inputValue(), "shop");
  assert.equal(await page.getByText("of-default").count(), 0);
  await select.selectOption("All projects");
  await page.getByText("of-default").first().waitFor();
});

test("the page of API keys says what the first one will change where nobody is asked for one", { skip }, async () => {
  const page = await rig.open("/access");
  await page.getByRole("alert", { name: "This service asks nobody who they are" }).waitFor();
  await page.getByText("There are no API keys yet.").waitFor();
  assert.deepEqual(await accessibilityFaults(page), []);
  await screenshot(page, "keys-of-nobody");
});
