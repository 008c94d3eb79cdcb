import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { builtDashboard } from "@millrace/dashboard";
import { errorResponseSchema } from "@millrace/protocol";
import { skipWithoutChromium } from "../support/chromium.ts";
import { accessibilityFaults, DashboardRig, screenshot, sidewaysScroll } from "../support/dashboard.ts";

let rig: DashboardRig;

before(async () => {
  rig = await DashboardRig.start(["--configs-dir", "examples"]);
});
after(() => rig[Symbol.asyncDispose]());

test("every page of the dashboard can be gone to by its address", async () => {
  const pages = builtDashboard()?.pages ?? [];
  assert.ok(pages.length > 5);
  for (const path of pages) {
    const answer = await fetch(`${rig.service.url}${path.replaceAll(/\{\w+\}/g, "x")}`);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(answer.headers.get("cache-control"), "no-cache");
    assert.match(answer.headers.get("content-security-policy") ?? "", /default-src 'self'.*frame-ancestors 'none'/);
    assert.match(await answer.text(), /<div id="root">/);
  }
});

test("what pages load is compressed, kept for ever under its name, and nothing else is given away", async () => {
  const html = await (await fetch(`${rig.service.url}/`)).text();
  const script = /src="(\/assets\/[^"]+\.js)"/.exec(html)?.[1] ?? "";
  for (const [accepted, encoding] of [
    ["br, gzip", "br"],
    ["gzip", "gzip"],
    ["identity", null],
  ] as const) {
    const answer = await fetch(`${rig.service.url}${script}`, { headers: { "accept-encoding": accepted } });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-encoding"), encoding);
    assert.equal(answer.headers.get("cache-control"), "public, max-age=31536000, immutable");
    assert.match(answer.headers.get("content-type") ?? "", /^(?:text|application)\/javascript/);
    assert.ok((await answer.text()).length > 10_000);
  }
  for (const path of ["/assets/none.js", "/assets/..%2findex.html", "/assets/..%2f..%2fpackage.json", "/assets/%00"]) {
    const answer = await fetch(`${rig.service.url}${path}`);
    assert.ok([400, 404].includes(answer.status), `${path}: ${answer.status}`);
    errorResponseSchema.parse(await answer.json());
  }
});

test("each place is reached with the keyboard alone, in both themes and on a narrow screen", {
  skip: skipWithoutChromium(),
}, async () => {
  for (const theme of ["light", "dark"] as const) {
    for (const width of [360, 1280]) {
      const page = await rig.open("/", { theme, width });
      await page.getByRole("heading", { level: 1, name: "Runs" }).waitFor();
      for (const name of ["Configs", "Adapters", "System", "Runs"]) {
        if (width < 600) {
          const menu = page.getByRole("button", { name: "Menu" });
          await menu.focus();
          await page.keyboard.press("Enter");
        }
        const link = page.getByRole("link", { name, exact: true });
        await link.focus();
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { level: 1, name }).waitFor();
        assert.equal(await page.title(), `${name} · Millrace`);
        assert.equal(await sidewaysScroll(page), 0, name);
        assert.deepEqual(await accessibilityFaults(page), [], `${name}, ${theme}, ${width}`);
        await screenshot(page, `${name.toLowerCase()}-${theme}-${width}`);
      }
      await page.context().close();
    }
  }
  assert.deepEqual(rig.complaints, []);
});
