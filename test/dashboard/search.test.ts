import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { FakeModel } from "../../packages/adapters/src/testing/fake-model.ts";
import { millPipeline } from "../search/search-pipelines.ts";
import { skipWithoutChromium } from "../support/chromium.ts";
import { accessibilityFaults, DashboardRig, screenshot, sidewaysScroll } from "../support/dashboard.ts";

const skip = skipWithoutChromium();
process.env.TEST_MODEL_KEY = "a-key-for-tests";

/** Twelve documents alike, so that there is a second page. */
const MANY = `version: "1.0"
name: many
routes:
  make: { adapters: [{ type: generate, config: { count: 12, payload: { text: "A notch of the wheel." } } }], outbound: [keep] }
  keep: { adapters: [{ type: index, config: { collection: notches, id: "notch-\${index}" } }] }
init_message: { route: make }
`;

let rig: DashboardRig;
let model: FakeModel;

before(async () => {
  if (skip !== false) return;
  model = await FakeModel.start({ dimensions: 64 });
  rig = await DashboardRig.start(["--http-allow-hosts", "127.0.0.1"]);
  await run("mill", millPipeline(model.url));
});
after(async () => {
  if (skip !== false) return;
  await rig[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
});

async function run(tag: string, yaml: string): Promise<void> {
  const { configs, executions } = rig.service.client;
  const { id } = await configs.create({ config_yaml: yaml });
  await configs.run(id, { tag });
  assert.equal((await executions.wait(tag)).status, "completed");
}

test("documents are found as one types, narrowed by what they say of themselves, and lead to their run and object", {
  skip,
}, async () => {
  const page = await rig.open("/search");
  await page.getByText("3 documents, of which 3 have a vector of test-embed.").waitFor();
  await page.getByRole("textbox", { name: "Search" }).fill("turning stones");
  const results = page.getByRole("list", { name: "Results" }).getByRole("listitem");
  await results.first().waitFor();
  await page.getByText(/3 documents, by words and vectors, in [\d.]+ ms/).waitFor();
  assert.match((await results.first().textContent()) ?? "", /The stone.*1\. by words, 1\. by vector/s);
  assert.deepEqual(await results.first().locator("mark").allTextContents(), ["stones", "turning"]);

  await page.getByRole("checkbox", { name: /1820/ }).check();
  await page.getByText(/^2 documents/).waitFor();
  // Another who follows the address sees the same.
  await page.goto(page.url());
  await page.getByText(/^2 documents/).waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByText(/^3 documents/).waitFor();

  await results.first().getByRole("link", { name: "Object" }).click();
  await page.getByRole("region", { name: "The chosen object" }).getByText('"path": "stone"').waitFor();
  await page.goBack();
  await results.first().getByRole("link", { name: "this message" }).click();
  await page.getByRole("heading", { name: "Its way through the adapters" }).waitFor();
  await leave(page);
});

test("a run's overview says what it used of models", { skip }, async () => {
  const page = await rig.open("/runs/mill");
  const models = page.getByRole("region", { name: "Models" });
  await models.getByRole("row", { name: /embed ▸ embed\s*1\s*0\s*28\s*0\s*0\.000056/ }).waitFor();
  await leave(page);
});

test("results are paged, and a collection is deleted once more asked; without any the page says how to fill one", {
  skip,
}, async () => {
  await run("many", MANY);
  const page = await rig.open("/search?collection=notches&q=notch");
  await page.getByText(/^12 documents, by words/).waitFor();
  await page.getByRole("button", { name: "Next page" }).click();
  const results = page.getByRole("list", { name: "Results" }).getByRole("listitem");
  while ((await results.count()) !== 2) await results.last().waitFor();
  for (const name of ["notches", "mill"]) {
    await page.goto(`${rig.service.url}/search?collection=${name}`);
    await page.getByRole("button", { name: "Delete collection" }).click();
    await page.getByText(`Delete the collection "${name}"?`).waitFor();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
  }
  await page.getByText("There is nothing to search yet.").waitFor();
  await leave(page);
  await run("mill-again", millPipeline(model.url));
});

test("what cannot be searched for says why", { skip }, async () => {
  const page = await rig.open("/search?collection=none&q=x");
  await page.getByText('There is no collection "none".').waitFor();
  await page.goto(`${rig.service.url}/search?collection=mill&q=nothingatall&mode=keyword`);
  await page.getByText("Nothing was found.").waitFor();
  await leave(page);
});

test("the search is usable in both themes and on a narrow screen", { skip }, async () => {
  for (const theme of ["light", "dark"] as const) {
    for (const width of [360, 768, 1280]) {
      const page = await rig.open("/search?collection=mill&q=turning%20water%20stones", { theme, width });
      await page.getByRole("list", { name: "Results" }).waitFor();
      assert.equal(await sidewaysScroll(page), 0, `${theme}, ${width}`);
      assert.deepEqual(await accessibilityFaults(page), [], `${theme}, ${width}`);
      await screenshot(page, `search-${theme}-${width}`);
      await leave(page);
    }
  }
});

/** Nothing went wrong that only the console was told. */
async function leave(page: Page): Promise<void> {
  await page.context().close();
  assert.deepEqual(rig.complaints.splice(0), []);
}
