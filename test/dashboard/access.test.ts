import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient } from "@millrace/client";
import type { Page } from "playwright-core";
import { LocalServer } from "../../packages/adapters/src/testing/local-server.ts";
import { launchChromium, skipWithoutChromium } from "../support/chromium.ts";
import { accessibilityFaults, DashboardRig, screenshot, sidewaysScroll } from "../support/dashboard.ts";
import { eventually } from "../support/eventually.ts";
import { ServiceProcess } from "../support/service-process.ts";

const skip = skipWithoutChromium();

const ADMIN_KEY = "an-admin-key-that-is-long-enough-to-be-one";

const STEADY = `
version: "1.0"
name: steady
routes:
  work: { adapters: [{ type: log }] }
init_message: { route: work }
`;

const ENDLESS = `
version: "1.0"
name: endless
routes:
  work: { adapters: [{ type: delay, config: { seconds: 3600 } }] }
init_message: { route: work }
`;

let rig: DashboardRig;
let admin: ReturnType<typeof createClient>;

before(async () => {
  if (skip !== false) return;
  rig = new DashboardRig(await ServiceProcess.start([], { MILLRACE_ADMIN_KEY: ADMIN_KEY }), await launchChromium());
  admin = createClient({ baseUrl: rig.service.url, apiKey: ADMIN_KEY });
  await admin.configs.create({ config_yaml: STEADY });
});
after(async () => {
  if (skip === false) await rig[Symbol.asyncDispose]();
});

/** Closes a page that should have complained of nothing but of being asked for a login, or of being refused. */
async function leave(page: Page): Promise<void> {
  await page.context().close();
  const unexpected = rig.complaints.splice(0).filter((each) => !/status of (?:40[13]|422)/.test(each));
  assert.deepEqual(unexpected, []);
}

async function logIn(page: Page, key: string): Promise<void> {
  await page.getByLabel("API key", { exact: true }).fill(key);
  await page.getByRole("button", { name: "Log in with the key" }).click();
}

test("nothing is seen without a login; with a key, the page that was asked for is, and a logout ends it", {
  skip,
}, async () => {
  const page = await rig.open("/configs?search=steady");
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  assert.equal(await page.getByText("steady").count(), 0);
  const asked: string[] = await page.evaluate('performance.getEntriesByType("resource").map(({ name }) => name)');
  const ofApi = asked.filter((url) => new URL(url).pathname.startsWith("/api/"));
  assert.deepEqual(ofApi, [`${rig.service.url}/api/v1/session`], "before a login nothing else is asked for");
  assert.deepEqual(await accessibilityFaults(page), []);
  await screenshot(page, "login");
  await logIn(page, `mr_${"0".repeat(32)}_${"0".repeat(64)}`);
  await page.getByText("The API key is not one of this service.").waitFor();
  await logIn(page, ADMIN_KEY);
  await page.getByRole("link", { name: "steady" }).waitFor();
  assert.match(page.url(), /\/configs\?search=steady$/);

  const cookies = await page.context().cookies();
  assert.deepEqual(
    cookies.map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]),
    [["millrace_session", true, "Strict"]],
  );
  assert.doesNotMatch(
    await page.evaluate("document.documentElement.outerHTML + document.cookie"),
    new RegExp(ADMIN_KEY),
  );
  assert.equal(await page.evaluate("Object.keys(localStorage).concat(Object.keys(sessionStorage)).join()"), "");

  await page.getByRole("button", { name: "Logged in as admin_key" }).click();
  await page.getByText("All projects").waitFor();
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  const [cookie] = cookies;
  const again = await fetch(`${rig.service.url}/api/v1/configs`, {
    headers: { cookie: `${cookie?.name}=${cookie?.value}` },
  });
  assert.equal(again.status, 401, "the cookie that was logged out opens nothing");
  await leave(page);
});

test("a run is started and watched by a login", { skip }, async () => {
  const { secret } = await admin.keys.create({ name: "runner", scopes: ["run"] });
  const page = await rig.open("/");
  await logIn(page, secret);
  await page.getByRole("button", { name: "Start a run" }).click();
  await page.getByRole("option", { name: "steady" }).click();
  const dialog = page.getByRole("dialog", { name: "Run steady" });
  await dialog.getByLabel("Tag").fill("by-login");
  await dialog.getByRole("button", { name: "Start the run" }).click();
  await page.getByRole("heading", { level: 1, name: "by-login" }).waitFor();
  await page.getByText("1 message settled").waitFor();
  await page.getByRole("link", { name: "Events" }).click();
  await page.getByRole("option", { name: /completed work/ }).waitFor();
  await page.getByRole("button", { name: "Delete" }).hover();
  await page.getByText("This needs the scope write; you have run.").waitFor();
  await page.getByRole("button", { name: "Delete" }).click({ force: true });
  assert.equal(await page.getByRole("dialog").count(), 0);
  assert.equal(await page.getByRole("link", { name: "Access" }).count(), 0);
  await page.goto(`${rig.service.url}/access`);
  await page.getByText("This page is not for you.").waitFor();
  await leave(page);
});

test("a key that is revoked in the middle of work ends the login, and with another the page goes on as it was", {
  skip,
}, async () => {
  const key = await admin.keys.create({ name: "short-lived", scopes: ["write"] });
  const next = await admin.keys.create({ name: "next", scopes: ["write"] });
  const page = await rig.open("/configs/new");
  await logIn(page, key.secret);
  await page.getByRole("textbox", { name: /YAML/ }).click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.insertText(STEADY.replace("name: steady", "name: kept"));
  await admin.keys.revoke(key.id);
  // What is typed is looked over by the service, which does not know this login any more. Whatever else the page asks
  // may be told so before: this then goes into the question's own field, which is filled anew below.
  await page.keyboard.insertText("# more");
  const question = page.getByRole("dialog", { name: "You are not logged in any more" });
  await question.waitFor();
  assert.deepEqual(await accessibilityFaults(page), []);
  await logIn(page, next.secret);
  await question.waitFor({ state: "detached" });
  await page.getByText("name: kept").waitFor();
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { level: 1, name: "kept" }).waitFor();
  await leave(page);
});

test("a run that is watched when its login ends is watched further after the next", { skip }, async () => {
  const key = await admin.keys.create({ name: "watcher", scopes: ["read"] });
  const next = await admin.keys.create({ name: "next watcher", scopes: ["read"] });
  const config = await admin.configs.create({ config_yaml: ENDLESS });
  await admin.configs.run(config.id, { tag: "watched" });
  const page = await rig.open("/runs/watched/events");
  await logIn(page, key.secret);
  // The run's own state, and that of its events.
  const streams = (state: string) =>
    eventually(async () => assert.equal(await page.getByText(state, { exact: true }).count(), 2));
  await streams("live");
  await admin.keys.revoke(key.id);
  const question = page.getByRole("dialog", { name: "You are not logged in any more" });
  await question.waitFor();
  await logIn(page, next.secret);
  await question.waitFor({ state: "detached" });
  await streams("live");
  await admin.executions.cancel("watched");
  await streams("ended");
  await leave(page);
});

test("a project that somebody else chose in this browser is not asked for by who logs in next", { skip }, async () => {
  const { secret } = await admin.keys.create({ name: "of alpha", scopes: ["read"], project: "alpha" });
  const page = await rig.open("/");
  await logIn(page, secret);
  await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
  await page.evaluate("localStorage.setItem('millrace-project', 'shop')");
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
  await eventually(async () => assert.equal(await page.evaluate("localStorage.getItem('millrace-project')"), null));
  await page.getByText("Nothing has run yet.").waitFor();
  await leave(page);
});

test("an administrator makes a key, sees it once, rotates and revokes it, and finds it all in the audit log", {
  skip,
}, async () => {
  const page = await rig.open("/access");
  await logIn(page, ADMIN_KEY);
  await page.getByRole("button", { name: "New key" }).first().click();
  const dialog = page.getByRole("dialog", { name: "New API key" });
  await dialog.getByLabel("Name").fill("for the night");
  await dialog.getByLabel("run", { exact: true }).check();
  await dialog.getByLabel("Project").fill("Not A Project");
  await dialog.getByRole("button", { name: "Make the key" }).click();
  await dialog.getByText("1 to 63 lower-case letters, digits and inner dashes").waitFor();
  await dialog.getByLabel("Project").fill("alpha");
  assert.deepEqual(await accessibilityFaults(page), []);
  await dialog.getByRole("button", { name: "Make the key" }).click();
  const shown = page.getByRole("dialog", { name: "The key for the night" });
  const secret = await shown.getByLabel("API key").inputValue();
  assert.match(secret, /^mr_/);
  await screenshot(page, "key-once");
  // Whoever works with the keyboard is still about to press Enter, or Escape: it is not to be had again.
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await shown.getByRole("button", { name: "Copy" }).click();
  await shown.getByText("Copied.").waitFor();
  await shown.getByRole("button", { name: "I have it" }).click();
  const who = await createClient({ baseUrl: rig.service.url, apiKey: secret }).session.get();
  assert.deepEqual([who.kind, who.project, who.scopes], ["key", "alpha", ["run"]]);

  await page.getByRole("button", { name: "Rotate for the night" }).click();
  await page.getByRole("button", { name: "Make the new key" }).click();
  const rotated = await shown.getByLabel("API key").inputValue();
  assert.notEqual(rotated, secret);
  await shown.getByRole("button", { name: "I have it" }).click();
  await page.getByText("replaced", { exact: true }).waitFor();
  for (const key of [secret, rotated]) await createClient({ baseUrl: rig.service.url, apiKey: key }).configs.list();
  assert.doesNotMatch(await page.content(), new RegExp(`${secret}|${rotated}`));
  assert.deepEqual(await accessibilityFaults(page), []);
  await screenshot(page, "keys");

  await page.getByRole("button", { name: "Revoke for the night" }).first().click();
  await page.getByRole("button", { name: "Revoke the key" }).click();
  await page.getByText("revoked", { exact: true }).first().waitFor();

  await page.getByRole("link", { name: "Audit log" }).click();
  await page.getByRole("row", { name: /key\.rotate/ }).waitFor();
  await page.getByLabel("Action").fill("session");
  await page
    .getByRole("row", { name: /admin_key key session\.create .*allowed/ })
    .first()
    .waitFor();
  await page.getByRole("row", { name: /key\.rotate/ }).waitFor({ state: "detached" });
  await page.getByLabel("Who").fill("nobody at all");
  await page.getByText("There is nothing that fits these filters.").waitFor();
  await page.goto(`${rig.service.url}/access/audit?action=key`);
  await page
    .getByRole("row", { name: /key\.create/ })
    .first()
    .waitFor();
  assert.deepEqual(await accessibilityFaults(page), []);
  await screenshot(page, "audit");
  await page.setViewportSize({ width: 360, height: 800 });
  assert.equal(await sidewaysScroll(page), 0);
  await page.goto(`${rig.service.url}/access`);
  await page.getByText("for the night").first().waitFor();
  assert.equal(await sidewaysScroll(page), 0);
  await leave(page);
});

test("another site's page can do nothing with a login, however it sends its requests", { skip }, async () => {
  const page = await rig.open("/");
  await logIn(page, ADMIN_KEY);
  await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
  const evil = await page.context().newPage();
  const { configs } = await admin.configs.list();
  const [config] = configs;
  await using site = await LocalServer.start((_, response) =>
    response.setHeader("content-type", "text/html").end("<p>evil</p>"),
  );
  // To the browser, the name is another site than the address that the service has.
  await evil.goto(site.url.replace("127.0.0.1", "localhost"));
  const before = (await admin.executions.list()).total;
  const url = `${rig.service.url}/api/v1/configs/${config?.id}/run`;
  const failures: (string | undefined)[] = [];
  evil.on("requestfailed", (request) => failures.push(request.failure()?.errorText));
  const told: string = await evil.evaluate(`(async () => {
    const tries = [
      { method: "POST", credentials: "include", mode: "no-cors" },
      { method: "POST", credentials: "include", mode: "no-cors", body: "{}", headers: { "content-type": "text/plain" } },
      { method: "POST", credentials: "include", body: "{}", headers: { "content-type": "application/json" } },
    ];
    const answers = [];
    for (const each of tries) answers.push(await fetch(${JSON.stringify(url)}, each).then((r) => r.type, (e) => "refused"));
    answers.push(await fetch(${JSON.stringify(`${rig.service.url}/api/v1/session`)}, { credentials: "include" }).then(() => "read", () => "refused"));
    return answers.join();
  })()`);
  assert.equal(told, "refused,refused,refused,refused");
  // The first two did reach the service; that there is an answer at all is kept from the page.
  const withheld = "net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin";
  await eventually(() => assert.deepEqual(failures, [withheld, withheld, "net::ERR_FAILED", "net::ERR_FAILED"]));
  const answer = evil.waitForResponse((response) => response.url() === url);
  await evil.setContent(`<form method="post" action="${url}" enctype="text/plain"></form>`);
  await evil.evaluate('document.querySelector("form").submit()');
  assert.match(await (await answer).text(), /CROSS_SITE_REQUEST/);
  assert.equal((await admin.executions.list()).total, before);
  rig.complaints.length = 0;
  await leave(page);
});
