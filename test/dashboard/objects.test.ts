import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { Page } from "playwright-core";
import { skipWithoutChromium } from "../support/chromium.ts";
import { accessibilityFaults, DashboardRig, screenshot, sidewaysScroll } from "../support/dashboard.ts";

const skip = skipWithoutChromium();

/** Each route writes one object, with what would do harm where it can. */
const STORING = `
version: "1.0"
name: storing
routes:
  data: { adapters: [{ type: store_write, config: { stage: out, name: "people/ada.json" } }], outbound: [note] }
  note: { adapters: [{ type: store_write, config: { stage: out, name: note.md, field: note, content_type: text/markdown } }], outbound: [page] }
  page: { adapters: [{ type: store_write, config: { stage: out, name: page.html, field: page, content_type: text/html } }], outbound: [picture] }
  picture: { adapters: [{ type: store_write, config: { stage: out, name: dot.svg, field: picture, content_type: image/svg+xml } }] }
init_message:
  route: data
  payload:
    name: Ada
    note: "# A note\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |\\n\\n<script>parent.harmed = true</script>\\n\\n![far](https://example.com/x.png)"
    page: "<h1>A page</h1><img src='https://example.com/x.png'><script>parent.harmed = true; document.body.innerText = 'harm'</script>"
    picture: "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='40'><circle cx='20' cy='20' r='15'/></svg>"
`;

let rig: DashboardRig;

before(async () => {
  if (skip !== false) return;
  rig = await DashboardRig.start();
  const { configs, executions } = rig.service.client;
  const { id } = await configs.create({ config_yaml: STORING });
  await configs.run(id, { tag: "stored" });
  assert.equal((await executions.wait("stored")).status, "completed");
});
after(async () => {
  if (skip === false) await rig[Symbol.asyncDispose]();
});

test("what a run stored is found folder by folder, looked at by its type, and downloaded", { skip }, async () => {
  const page = await rig.open("/runs/stored/objects");
  await page.getByText("4 objects", { exact: true }).waitFor();
  const list = page.getByRole("region", { name: "Objects" });
  const shown = page.getByRole("region", { name: "The chosen object" });
  const enter = async (...folders: string[]) => {
    for (const folder of folders) await list.getByRole("button", { name: `Folder ${folder}` }).click();
  };
  await enter("data", "out", "people");
  await list.getByRole("button", { name: /ada\.json/ }).click();
  await shown.getByText('"name": "Ada"').waitFor();
  const download = page.waitForEvent("download");
  await shown.getByRole("link", { name: "Download" }).click();
  assert.equal((await download).suggestedFilename(), "ada.json");

  // Another who follows the address sees the same.
  await page.goto(page.url());
  await shown.getByText('"name": "Ada"').waitFor();
  await shown.getByRole("link", { name: "this message" }).click();
  await page.getByRole("heading", { name: "Its way through the adapters" }).waitFor();

  await page.goto(`${rig.service.url}/runs/stored/objects?folder=picture/out/`);
  await list.getByRole("button", { name: /dot\.svg/ }).click();
  const picture = shown.getByRole("img", { name: "dot.svg" });
  await picture.waitFor();
  const width = () => picture.evaluate((image) => ("naturalWidth" in image ? Number(image.naturalWidth) : 0));
  while ((await width()) !== 40) await wait(20);
  await leave(page);
});

test("documents are shown as pages in which nothing runs and which ask no other host for anything", {
  skip,
}, async () => {
  const page = await rig.open("/runs/stored/objects?folder=note/out/&object=note/out/note.md");
  await page.getByRole("heading", { name: "A note" }).waitFor();
  await page.getByRole("cell", { name: "2" }).waitFor();
  await page.getByText("[picture: far]").waitFor();
  await page.getByText("As text", { exact: true }).click();
  await page.getByText("# A note").waitFor();

  await page.goto(`${rig.service.url}/runs/stored/objects?folder=page/out/&object=page/out/page.html`);
  const frame = page.frameLocator("iframe[title='page.html']");
  await frame.getByRole("heading", { name: "A page" }).waitFor();
  assert.equal(await page.evaluate("window.harmed"), undefined);
  // The browser says that it asked for neither the picture nor the script; no request went out.
  const complaints = rig.complaints.splice(0);
  assert.ok(
    complaints.every((complaint) => /Content Security Policy|sandboxed/.test(complaint)),
    complaints.join("\n"),
  );
  await leave(page);
});

test("a run that stored nothing says so, and objects are usable in both themes and on a narrow screen", {
  skip,
}, async () => {
  for (const theme of ["light", "dark"] as const) {
    for (const width of [360, 1280]) {
      const page = await rig.open("/runs/stored/objects?folder=note/out/&object=note/out/note.md", { theme, width });
      await page.getByRole("heading", { name: "A note" }).waitFor();
      assert.equal(await sidewaysScroll(page), 0);
      assert.deepEqual(await accessibilityFaults(page), [], `${theme}, ${width}`);
      await screenshot(page, `objects-${theme}-${width}`);
      await leave(page);
    }
  }
  const { configs, executions } = rig.service.client;
  const empty = await configs.create({
    config_yaml:
      'version: "1.0"\nname: empty\nroutes: { a: { adapters: [{ type: log }] } }\ninit_message: { route: a }\n',
  });
  await configs.run(empty.id, { tag: "empty" });
  await executions.wait("empty");
  const page = await rig.open("/runs/empty/objects");
  await page.getByText("This run has stored nothing.").waitFor();
  await leave(page);
});

/** Nothing went wrong that only the console was told. */
async function leave(page: Page): Promise<void> {
  await page.context().close();
  assert.deepEqual(rig.complaints.splice(0), []);
}
