import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Client, createClient } from "@millrace/client";
import type { Locator, Page } from "playwright-core";
import { skipWithoutChromium } from "../support/chromium.ts";
import { accessibilityFaults, DashboardRig, screenshot, sidewaysScroll } from "../support/dashboard.ts";

const skip = skipWithoutChromium();
let rig: DashboardRig;
let client: Client;

before(async () => {
  rig = await DashboardRig.start(["--adapters-dir", "examples/adapters"]);
  client = createClient({ baseUrl: rig.service.url });
});
after(() => rig[Symbol.asyncDispose]());

const pipeline = (name: string) => `version: "1.0"
name: ${name}
routes:
  make:
    adapters:
      - type: generate
        config: { count: 3 }
    outbound: [show]
  show:
    name: Show them
    adapters:
      - type: log
init_message: { route: make, payload: { size: 1, colour: blue } }
`;

const editorOf = (page: Page) => page.getByRole("textbox", { name: "The pipeline's YAML" });
const findingsOf = (page: Page) => page.getByRole("region", { name: "Findings" });
const graphOf = (page: Page) => page.getByRole("region", { name: "The pipeline's graph" });
const lineOf = (page: Page, text: string) => page.locator(".cm-line", { hasText: text }).first();
const textOf = async (page: Page) => (await page.locator(".cm-line").allTextContents()).join("\n");

/** Opens a config of its own in the editor. */
async function openConfig(name: string, view: Parameters<DashboardRig["open"]>[1] = {}) {
  const config = await client.configs.create({ config_yaml: pipeline(name) });
  const page = await rig.open(`/configs/${config.id}`, view);
  await editorOf(page).waitFor();
  await findingsOf(page).getByText("No findings: it can be run.").first().waitFor();
  return { page, config };
}

/** Puts the cursor at the end of a line, less some steps. */
async function toEndOf(page: Page, line: string, back = 0) {
  await lineOf(page, line).click();
  await page.keyboard.press("End");
  for (let step = 0; step < back; step += 1) await page.keyboard.press("ArrowLeft");
}

const optionOf = (page: Page, name: string): Locator => page.locator(".cm-tooltip-autocomplete li", { hasText: name });

test("a service without configs says how to get one", { skip }, async () => {
  const page = await rig.open("/configs");
  await page.getByText("There are no configs yet.").waitFor();
  assert.deepEqual(await accessibilityFaults(page), []);
  await screenshot(page, "configs-empty");
  await page.context().close();
  assert.deepEqual(rig.complaints, []);
});

test("what is wrong is marked on its line as one types, and the mark goes when it is mended", { skip }, async () => {
  const { page } = await openConfig("marked");
  await toEndOf(page, "outbound: [show]", 1);
  await page.keyboard.type("n");
  const finding = findingsOf(page).getByRole("button", { name: /E202/ });
  await finding.waitFor();
  assert.match(await finding.innerText(), /Line 8, column \d+/);
  await lineOf(page, "outbound: [shown]").locator(".cm-lintRange-error", { hasText: "shown" }).waitFor();
  await graphOf(page).getByText("There is no such route").waitFor();
  assert.match(await findingsOf(page).getByRole("status").innerText(), /1 error/);
  await screenshot(page, "config-finding");

  await lineOf(page, "outbound: [shown]").locator(".cm-lintRange-error").hover();
  await page.locator(".cm-tooltip", { hasText: "E202" }).or(page.locator(".cm-diagnostic")).first().waitFor();

  await editorOf(page).press("Control+Home");
  await finding.click();
  await page.locator(".cm-activeLine", { hasText: "outbound: [shown]" }).waitFor();
  await toEndOf(page, "outbound: [shown]", 1);
  await page.keyboard.press("Backspace");
  await findingsOf(page).getByText("No findings").first().waitFor();
  assert.equal(await page.locator(".cm-lintRange").count(), 0);
  assert.equal(await graphOf(page).getByText("There is no such route").count(), 0);
  await page.context().close();
  assert.deepEqual(rig.complaints, []);
});

test("while the text is no YAML the graph stays as it was, and says so", { skip }, async () => {
  const { page } = await openConfig("broken");
  await graphOf(page).getByRole("button", { name: /make/ }).waitFor();
  await toEndOf(page, "name: broken");
  await page.keyboard.type(": [");
  await findingsOf(page)
    .getByRole("button", { name: /E0\d\d/ })
    .first()
    .waitFor();
  await page.getByText("This is the graph of what it was before.").waitFor();
  await graphOf(page).getByRole("button", { name: /make/ }).waitFor();
  await screenshot(page, "config-broken");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("It was not saved; your text is still here").waitFor();
  assert.match(await textOf(page), /name: broken: \[/);
  await page.context().close();
  // The browser logs the refusal as well.
  assert.deepEqual(
    rig.complaints.splice(0).filter((each) => !each.includes("400")),
    [],
  );
});

test("completion offers what may stand at the cursor, adapters of one's own included, and inserts it", {
  skip,
}, async () => {
  const { page } = await openConfig("completed");
  await toEndOf(page, "- type: log");
  await page.keyboard.press("Control+Backspace");
  await page.keyboard.press("Control+Space");
  await optionOf(page, "shout").waitFor();
  assert.ok((await page.locator(".cm-tooltip-autocomplete li").count()) > 10);
  await page.keyboard.type("sho");
  await optionOf(page, "shout").click();
  await lineOf(page, "- type: shout").waitFor();

  await page.keyboard.press("Enter");
  await page.keyboard.type("co");
  await optionOf(page, "condition").waitFor();
  await screenshot(page, "config-completion");
  await optionOf(page, "config").click();
  await optionOf(page, "marks").click();
  await page.keyboard.type("2");
  await lineOf(page, "marks: 2").waitFor();

  // The names of routes, with what they are for people.
  await toEndOf(page, "outbound: [show]", 1);
  await page.keyboard.press("Control+Backspace");
  await page.keyboard.press("Control+Space");
  await optionOf(page, "Show them").click();
  await page.keyboard.type(", m");
  await optionOf(page, "make").click();
  await lineOf(page, "outbound: [show, make]").waitFor();
  assert.match(await textOf(page), / {4}adapters:\n {6}- type: shout\n {8}config:\n {10}marks: 2\n/);
  await page.context().close();
  assert.deepEqual(rig.complaints, []);
});

test("a field says what it takes when it is pointed at", { skip }, async () => {
  const { page } = await openConfig("explained");
  await lineOf(page, "count: 3").getByText("count", { exact: true }).hover();
  const said = page.locator(".cm-tooltip-hover");
  await said.getByText("How many messages to emit").waitFor();
  assert.match(await said.innerText(), /whole number, 0 to 1,000,000,000/);
  assert.match(await said.innerText(), /required/);
  await screenshot(page, "config-hover");
  await page.context().close();
});

test("each save is a version; two are compared by a link, and an older one is restored", { skip }, async () => {
  const { page, config } = await openConfig("versions");
  await toEndOf(page, "count: 3", 2);
  await page.keyboard.type("0");
  await page.getByText("Unsaved changes.").waitFor();
  await page.keyboard.press("Control+s");
  await page.getByText("Saved as version 2").waitFor();
  const saved = await client.configs.get(config.id);
  assert.equal(saved.version, 2);
  assert.match(saved.config_yaml, /count: 30/);

  await page.getByRole("link", { name: "Versions" }).click();
  await page.locator(".cm-changedText").first().waitFor();
  await screenshot(page, "versions-diff");
  assert.deepEqual(await accessibilityFaults(page), []);
  await page.getByRole("button", { name: "Restore version 1" }).click();
  await page.getByRole("button", { name: "Restore it" }).click();
  await page.getByText("Saved as version 3").waitFor();
  assert.equal((await client.configs.get(config.id)).config_yaml, config.config_yaml);

  const colleague = await rig.open(`/configs/${config.id}/versions?from=1&to=2`, { width: 360, theme: "dark" });
  await colleague.locator(".cm-deletedChunk").waitFor();
  assert.equal(await sidewaysScroll(colleague), 0);
  assert.deepEqual(await accessibilityFaults(colleague), []);
  await screenshot(colleague, "versions-diff-dark-360");
  await colleague.context().close();
  await page.context().close();
  assert.deepEqual(rig.complaints, []);
});

test("a page with unsaved changes is not left by mistake", { skip }, async () => {
  const { page } = await openConfig("guarded");
  await toEndOf(page, "count: 3", 2);
  await page.keyboard.type("1");
  await page.getByRole("link", { name: "Adapters" }).click();
  const dialog = page.getByRole("dialog", { name: "Leave without saving?" });
  await dialog.getByRole("button", { name: "Stay here" }).click();
  await dialog.waitFor({ state: "hidden" });
  assert.match(await textOf(page), /count: 31/);

  // The browser itself asks where the whole page goes.
  const asked = page.waitForEvent("dialog");
  await page.evaluate("setTimeout(() => location.reload())");
  const question = await asked;
  assert.equal(question.type(), "beforeunload");
  await question.dismiss();
  assert.match(await textOf(page), /count: 31/);

  await page.getByRole("link", { name: "Adapters" }).click();
  await dialog.getByRole("button", { name: "Leave, and lose them" }).click();
  await page.getByRole("heading", { level: 1, name: "Adapters" }).waitFor();
  await page.context().close();
  assert.deepEqual(rig.complaints, []);
});

test("a version that somebody else saved meanwhile is never overwritten unseen", { skip }, async () => {
  const { page, config } = await openConfig("contested");
  await toEndOf(page, "count: 3", 2);
  await page.keyboard.type("1");
  await client.configs.update(config.id, { config_yaml: pipeline("contested").replace("blue", "red") });
  await page.keyboard.press("Control+s");
  const dialog = page.getByRole("dialog", { name: "Somebody else has saved this config" });
  await dialog.getByText("You changed version 1; by now there is version 2.").waitFor();
  await screenshot(page, "config-conflict");
  assert.deepEqual(await accessibilityFaults(page), []);
  assert.equal((await client.configs.get(config.id)).version, 2);
  await dialog.getByRole("button", { name: "Save mine as version 3" }).click();
  await page.getByText("Saved as version 3").waitFor();
  const { config_yaml: text } = await client.configs.get(config.id);
  assert.match(text, /count: 31[\s\S]*blue/);
  await page.context().close();
  assert.deepEqual(
    rig.complaints.splice(0).filter((each) => !each.includes("409")),
    [],
  );
});

test("a run is started with another payload and a tag, and gets them", { skip }, async () => {
  // What the run was given is seen in what fails.
  const config = await client.configs.create({
    config_yaml: `version: "1.0"
name: fails
routes:
  only:
    error_handling: { max_retries: 0, on_error: continue }
    adapters: [{ type: fail }]
init_message: { route: only, payload: { size: 1, colour: blue } }
`,
  });
  const page = await rig.open(`/configs/${config.id}`);
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Run fails" });
  const payload = dialog.getByRole("textbox", { name: "Payload" });
  await payload.waitFor();
  assert.deepEqual(JSON.parse(await textOfIn(dialog)), { size: 1, colour: "blue" });

  await payload.fill('{\n  "size": 2,\n  "more" [true]\n}');
  await dialog.getByText(/Line 3: This is not JSON/).waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Start the run" }).isDisabled(), true);
  await screenshot(page, "start-run-broken");
  assert.deepEqual(await accessibilityFaults(page), []);
  await payload.fill('{\n  "size": 2,\n  "more": [true]\n}');
  await dialog.getByText("colour: stays as the config has it.").waitFor();

  const taken = await client.configs.run(config.id, { tag: "taken" });
  await dialog.getByRole("textbox", { name: "Tag" }).fill("taken");
  await dialog.getByRole("button", { name: "Start the run" }).click();
  await dialog.getByText(/taken/).last().waitFor();
  assert.equal(await dialog.getByRole("textbox", { name: "Tag" }).getAttribute("aria-invalid"), "true");
  await dialog.getByRole("textbox", { name: "Tag" }).fill("not a tag");
  await dialog.getByRole("button", { name: "Start the run" }).click();
  await dialog.getByText("A tag begins with a letter or a digit").waitFor();
  await dialog.getByRole("textbox", { name: "Tag" }).fill("with-payload");
  await dialog.getByRole("button", { name: "Start the run" }).click();
  await page.waitForURL(/\/runs\/with-payload$/);

  await client.executions.wait("with-payload", 30);
  const { failures } = await client.executions.failures("with-payload");
  assert.deepEqual(failures[0]?.payload, { size: 2, colour: "blue", more: [true] });
  await client.executions.wait(taken.id, 30);
  await page.context().close();
  assert.deepEqual(
    rig.complaints.splice(0).filter((each) => !/409|422/.test(each)),
    [],
  );
});

test("a config with errors is saved, and the dialog says why it does not run", { skip }, async () => {
  const { page, config } = await openConfig("faulty");
  await toEndOf(page, "outbound: [show]", 1);
  await page.keyboard.type("n");
  await page.getByText("It may be saved with errors; it cannot be run then.").waitFor();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText(/It has 1 error and cannot be run/).waitFor();
  assert.equal((await client.configs.get(config.id)).is_runnable, false);
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Run faulty" });
  await dialog.getByRole("button", { name: "Start the run" }).click();
  await dialog.getByText("This config cannot be run").waitFor();
  await dialog.getByText(/Line 8, column \d+/).waitFor();
  await page.context().close();
  assert.deepEqual(
    rig.complaints.splice(0).filter((each) => !each.includes("400")),
    [],
  );
});

test("a service that does not answer takes nothing away from the text, and is asked again", { skip }, async () => {
  const { page } = await openConfig("alone");
  await page.route("**/configs/validate", (route) => route.abort());
  await toEndOf(page, "outbound: [show]", 1);
  await page.keyboard.type("n");
  await findingsOf(page)
    .getByText(/does not answer, so this text is not checked/)
    .waitFor();
  assert.match(await textOf(page), /\[shown\]/);
  await page.unroute("**/configs/validate");
  await findingsOf(page).getByRole("button", { name: /E202/ }).waitFor();
  await page.context().close();
  assert.deepEqual(
    rig.complaints.splice(0).filter((each) => !each.includes("ERR_FAILED")),
    [],
  );
});

test("a new config is written, found, downloaded and deleted with the keyboard alone", { skip }, async () => {
  const page = await rig.open("/configs");
  await page.getByRole("heading", { level: 1, name: "Configs" }).waitFor();
  await tabTo(page, page.getByRole("link", { name: "New config" }).first());
  await page.keyboard.press("Enter");
  await editorOf(page).waitFor();
  await tabTo(page, editorOf(page));
  await page.keyboard.press("Control+Home");
  for (const key of ["ArrowDown", "End", "Control+Backspace", "Control+Backspace", "Control+Backspace"])
    await page.keyboard.press(key);
  await page.keyboard.type(" by-keyboard");
  // Tab indents; Escape and then Tab leaves the editor.
  await page.keyboard.press("Tab");
  assert.equal(await hasFocus(editorOf(page)), true);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  assert.equal(await hasFocus(editorOf(page)), false);

  const route = graphOf(page).getByRole("button", { name: /^show/ });
  await tabTo(page, route);
  await page.keyboard.press("Enter");
  assert.equal(await route.getAttribute("aria-pressed"), "true");
  await page.locator(".cm-activeLine", { hasText: "show:" }).waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await route.getAttribute("aria-pressed"), "false");

  await tabTo(page, editorOf(page), "Shift+Tab");
  await page.keyboard.press("Control+s");
  await page.waitForURL(/\/configs\/[0-9a-f-]{36}$/);
  const download = page.waitForEvent("download");
  await tabTo(page, page.getByRole("button", { name: "Download YAML" }));
  await page.keyboard.press("Enter");
  assert.equal((await download).suggestedFilename(), "by-keyboard.yaml");
  await tabTo(page, page.getByRole("button", { name: "Delete" }), "Shift+Tab");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Delete by-keyboard?" });
  await dialog.getByRole("button", { name: "Keep it" }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/configs$/);
  await page.getByText("by-keyboard and its versions are gone.").waitFor();
  assert.equal(
    (await client.configs.list({ limit: 1000 })).configs.some(({ name }) => name === "by-keyboard"),
    false,
  );
  await page.context().close();
  assert.deepEqual(rig.complaints, []);
});

test("an adapter's example is tried as a new config", { skip }, async () => {
  const page = await rig.open("/adapters/switch");
  await page.getByRole("link", { name: "Try it as a new config" }).click();
  await findingsOf(page).getByText("No findings: it can be run.").first().waitFor();
  await graphOf(page)
    .getByRole("button", { name: /sort.*goes to large, small/ })
    .waitFor();
  assert.match(await textOf(page), /name: switch-example/);
  await page.context().close();
  assert.deepEqual(rig.complaints, []);
});

test("configs, adapters and the system are readable in both themes, on narrow screens too", { skip }, async () => {
  const config = await client.configs.create({ config_yaml: pipeline("looked-at"), description: "To be looked at" });
  const pages = [
    ["configs", "/configs?search=looked", (page: Page) => page.getByRole("link", { name: "looked-at" })],
    ["config", `/configs/${config.id}`, (page: Page) => graphOf(page).getByRole("button", { name: /Show them/ })],
    ["config-new", "/configs/new", (page: Page) => graphOf(page).getByRole("button", { name: /make/ })],
    [
      "config-versions",
      `/configs/${config.id}/versions`,
      (page: Page) => page.getByText("There is one version so far."),
    ],
    ["config-none", "/configs/none", (page: Page) => page.getByRole("heading", { name: "No such config" })],
    ["adapters", "/adapters", (page: Page) => page.getByRole("link", { name: "shout" })],
    ["adapter", "/adapters/switch", (page: Page) => page.getByText("The route to send to when it is true")],
    ["adapter-none", "/adapters/none", (page: Page) => page.getByRole("heading", { name: "No such adapter" })],
    ["system", "/system", (page: Page) => page.getByText("Node.js")],
  ] as const;
  for (const [theme, width] of [
    ["light", 1280],
    ["dark", 360],
    ["dark", 1280],
    ["light", 360],
  ] as const) {
    // What is there of each page is looked at twice; the ones that most is on, four times.
    const most = (theme === "light") === (width === 1280) ? pages : pages.slice(0, 2);
    const page = await rig.open("/system", { theme, width });
    for (const [name, path, shown] of most) {
      await page.goto(`${rig.service.url}${path}`);
      await shown(page).first().waitFor();
      assert.equal(await sidewaysScroll(page), 0, name);
      assert.deepEqual(await accessibilityFaults(page), [], `${name}, ${theme}, ${width}`);
      await screenshot(page, `${name}-${theme}-${width}`);
    }
    await page.context().close();
  }
  assert.deepEqual(
    rig.complaints.splice(0).filter((each) => !each.includes("404")),
    [],
  );
});

async function textOfIn(dialog: Locator): Promise<string> {
  return (await dialog.locator(".cm-line").allTextContents()).join("\n");
}

async function hasFocus(target: Locator): Promise<boolean> {
  return (await target.and(target.page().locator(":focus")).count()) > 0;
}

/** Presses Tab until something has the focus, as people do who have no mouse. */
async function tabTo(page: Page, target: Locator, key = "Tab"): Promise<void> {
  await target.waitFor();
  for (let step = 0; step < 60; step += 1) {
    if (await hasFocus(target)) return;
    // Out of the editor first, where Tab indents.
    await page.keyboard.press("Escape");
    await page.keyboard.press(key);
  }
  assert.fail(`${key} does not lead to ${target}`);
}
