/**
 * Makes the pictures of the dashboard in `docs/images/`, of a real run in a real Chromium:
 * `npm run build -w @millrace/dashboard && node scripts/dashboard-pictures.ts`.
 */
import { join } from "node:path";
import type { Page } from "playwright-core";
import { DashboardRig } from "../test/support/dashboard.ts";

const IMAGES = join(import.meta.dirname, "..", "docs", "images");

await using rig = await DashboardRig.start(["--configs-dir", "examples"]);
const { configs, executions } = rig.service.client;
for (const [name, tag] of [
  ["hello", "good-morning"],
  ["retries", "orders-tuesday"],
  ["fan-out", "wide"],
] as const) {
  await configs.run((await configs.find(name)).id, { tag });
  await executions.wait(tag);
}
await configs.run((await configs.find("readmes")).id, { tag: "documentation" });

for (const theme of ["light", "dark"] as const) {
  const page = await rig.open("/runs/documentation", { theme, width: 1280, height: 800 });
  await page.getByText("Routes and adapters").waitFor();
  // Half way, as far as can be told.
  await waitForDone(page);
  await take(page, `run-${theme}`);
  await page.context().close();
}
for (const [name, path, sight] of [
  ["runs", "/", "good-morning"],
  ["events", "/runs/documentation/events", "completed"],
  ["failures", "/runs/orders-tuesday/failures", "All failed messages"],
] as const) {
  const page = await rig.open(path, { width: 1280, height: 800 });
  await page.getByText(sight).first().waitFor();
  await page.waitForLoadState("networkidle").catch(() => {});
  await take(page, name);
  await page.context().close();
}

async function waitForDone(page: Page): Promise<void> {
  await page
    .getByText(/^[\d,]+ done$/)
    .first()
    .waitFor();
}

async function take(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(IMAGES, `dashboard-${name}.png`) });
}
