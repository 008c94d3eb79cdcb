import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launchChromium, skipWithoutChromium } from "../support/chromium.ts";
import { accessibilityFaults, screenshot } from "../support/dashboard.ts";
import { eventually } from "../support/eventually.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { SignInProvider } from "../support/sign-in-provider.ts";

const skip = skipWithoutChromium();
const SECRET = "a-client-secret-that-nobody-sees";

let provider: SignInProvider;
let service: ServiceProcess;
let browser: Browser;

before(async () => {
  if (skip !== false) return;
  provider = await SignInProvider.start({ anna: ["millrace-admins"], ben: ["runners"], eve: [] });
  service = await ServiceProcess.start(
    [
      ...["--oidc-issuer", provider.issuer, "--oidc-client-id", "millrace", "--oidc-name", "Company ID"],
      ...["--oidc-roles-claim", "roles", "--oidc-roles", "millrace-admins=admin,runners=run@alpha"],
      ...["--log-level", "debug"],
    ],
    { MILLRACE_OIDC_CLIENT_SECRET: SECRET },
  );
  provider.serve({ id: "millrace", secret: SECRET, callback: `${service.url}/login/oidc/callback` });
  browser = await launchChromium();
});
after(async () => {
  if (skip !== false) return;
  await browser.close();
  await service[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

async function open(path: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${service.url}${path}`);
  return page;
}

/** Names of the service's cookies: those of the provider, on the same host, are its own. */
async function ownCookies(page: Page): Promise<string[]> {
  return (await page.context().cookies(service.url))
    .map(({ name }) => name)
    .filter((name) => name.includes("millrace"));
}

/** Goes through the provider's own pages. */
async function signIn(page: Page, name: string): Promise<void> {
  await page.getByRole("link", { name: "Sign in with Company ID" }).click();
  await page.waitForURL(`${provider.issuer}/**`);
  await page.getByPlaceholder("Enter any login").fill(name);
  await page.getByPlaceholder("and password").fill("whatever");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}

test("somebody signs in at the provider, and is led back to the page that they asked for, as who they are", {
  skip,
}, async () => {
  const page = await open("/configs?search=some");
  await page.getByRole("link", { name: "Sign in with Company ID" }).waitFor();
  assert.deepEqual(await accessibilityFaults(page), []);
  await screenshot(page, "login-oidc");
  await signIn(page, "anna");
  await page.waitForURL(`${service.url}/configs?search=some`);
  await page.getByRole("button", { name: "Logged in as anna" }).click();
  await page.getByText("All projects").waitFor();
  await page.getByRole("link", { name: "Access" }).waitFor();
  assert.deepEqual(await ownCookies(page), ["millrace_session"], "what was kept for the sign-in is gone");
  await page.getByRole("menuitem", { name: "Log out" }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await page.context().close();
});

test("roles say what somebody may do, and where", { skip }, async () => {
  const page = await open("/");
  await signIn(page, "ben");
  await page.getByRole("button", { name: "Logged in as ben" }).click();
  await page.getByText("Project alpha").waitFor();
  assert.equal(await page.getByRole("link", { name: "Access" }).count(), 0);
  await page.context().close();
});

test("whoever has no role is told so, as is whoever brings back what nobody sent them for", { skip }, async () => {
  const page = await open("/configs");
  await signIn(page, "eve");
  await page.getByText("You are known, and have no role that opens anything here.").waitFor();
  assert.deepEqual(await accessibilityFaults(page), []);
  assert.equal(new URL(page.url()).searchParams.get("return_to"), "/configs");
  for (const query of ["", "?code=x&state=y", "?error=access_denied&state=y"]) {
    await page.goto(`${service.url}/login/oidc/callback${query}`);
    await page.getByText("The sign-in took too long, or was begun in another tab.").waitFor();
  }
  assert.deepEqual(await ownCookies(page), []);
  await page.context().close();
});

test("a sign-in goes to the provider with all that protects it, and leads to no other host", { skip }, async () => {
  const begin = async (returnTo: string) =>
    fetch(`${service.url}/login/oidc?return_to=${encodeURIComponent(returnTo)}`, { redirect: "manual" });
  const answer = await begin("/runs/x");
  assert.equal(answer.status, 303);
  const { origin, searchParams } = new URL(answer.headers.get("location") ?? "");
  assert.equal(origin, provider.issuer);
  for (const name of ["state", "nonce", "code_challenge"]) assert.ok((searchParams.get(name) ?? "").length >= 43, name);
  assert.equal(searchParams.get("code_challenge_method"), "S256");
  assert.equal(searchParams.get("response_type"), "code");
  assert.equal(searchParams.get("redirect_uri"), `${service.url}/login/oidc/callback`);
  const cookie = answer.headers.get("set-cookie") ?? "";
  assert.match(cookie, /^millrace_login=[\w.-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/);
  assert.doesNotMatch(cookie, new RegExp(searchParams.get("state") ?? "-"));
  // Its own state, with a code that the provider never gave.
  const state = searchParams.get("state");
  const back = async (headers: Record<string, string>) => {
    const url = `${service.url}/login/oidc/callback?code=forged&state=${state}&iss=${encodeURIComponent(provider.issuer)}`;
    const { headers: got } = await fetch(url, { redirect: "manual", headers });
    assert.doesNotMatch(got.get("set-cookie") ?? "", /millrace_session/);
    return got.get("location");
  };
  const own = cookie.split(";")[0] ?? "";
  assert.equal(await back({ cookie: own }), "/login?error=refused&return_to=%2Fruns%2Fx");
  assert.equal(await back({}), "/login?error=expired&return_to=%2F");
  const evil = await begin("//evil.test/");
  const [evilCookie = ""] = (evil.headers.get("set-cookie") ?? "").split(";");
  assert.equal(await back({ cookie: evilCookie }), "/login?error=expired&return_to=%2F");
});

test("the log says why a sign-in was refused, and none of its secrets", { skip }, async () => {
  const answer = await fetch(`${service.url}/login/oidc`, { redirect: "manual" });
  const state = new URL(answer.headers.get("location") ?? "").searchParams.get("state") ?? "";
  const cookie = (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const code = "a-code-that-is-no-business-of-a-log";
  await fetch(`${service.url}/login/oidc/callback?code=${code}&state=${state}`, {
    redirect: "manual",
    headers: { cookie },
  });
  await eventually(() => assert.match(service.stderr, /sign-in refused.*|"why":"refused"/));
  for (const secret of [SECRET, code, state, cookie.split("=")[1] ?? ""])
    assert.ok(!service.stderr.includes(secret), secret);
});
