import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import { deadAnchors } from "../../site/dead-anchors.ts";
import { launchChromium, skipWithoutChromium } from "../support/chromium.ts";
import { ROOT } from "./pages.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

/** A copy of what the site is made of, so that a test may break it. */
const folder = mkdtempSync(join(tmpdir(), "millrace-site-"));
let server: Server;
let url = "";

before(async () => {
  for (const part of [
    "docs",
    "examples",
    "bench",
    // Pages link to files of code.
    "packages",
    "test",
    "deploy",
    "LICENSE",
    "README.md",
    "DEVELOPMENT.md",
    "CHANGELOG.md",
    "SECURITY.md",
  ]) {
    mkdirSync(join(folder, part, ".."), { recursive: true });
    const filter = (from: string) => !/\/(?:node_modules|dist)$/.test(from);
    cpSync(join(ROOT, part), join(folder, part), { recursive: true, filter });
  }
  const { code, output } = await build();
  assert.equal(code, 0, output);
  server = createServer((request, answer) => {
    const { pathname } = new URL(request.url ?? "", "http://site");
    const file = join(folder, "dist", "docs", pathname.endsWith("/") ? `${pathname}index.html` : pathname);
    try {
      answer.setHeader("content-type", TYPES[extname(file)] ?? "application/octet-stream").end(readFileSync(file));
    } catch {
      answer.writeHead(404).end();
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  // A server that listens on TCP has an address with a port.
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(() => {
  server?.close();
  server?.closeAllConnections();
  rmSync(folder, { recursive: true });
});

test("the documentation's site is read, searched and darkened without a request to any other host", {
  skip: skipWithoutChromium(),
}, async () => {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ colorScheme: "dark" });
    const [elsewhere, errors]: [string[], string[]] = [[], []];
    page.on("request", (request) => {
      if (!/^(?:data:|blob:)/.test(request.url()) && new URL(request.url()).origin !== url)
        elsewhere.push(request.url());
    });
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(`${url}/`);
    await page.getByRole("heading", { level: 1, name: "Millrace" }).waitFor();

    await page.keyboard.press("Control+k");
    await page.keyboard.type("CRASH_LOOP");
    await page.getByText("CRASH_LOOP").first().waitFor();
    await page.keyboard.press("Escape");

    await page.getByRole("link", { name: "Tutorial" }).first().click();
    await page.getByRole("heading", { level: 1, name: "Tutorial" }).waitFor();
    // As the reader's system is set.
    assert.equal(await page.locator("html.rp-dark").count(), 1);
    assert.deepEqual(elsewhere, []);
    assert.deepEqual(errors, []);
  } finally {
    await browser.close();
  }
});

test("a link to a heading that is not there is found in the site, with its page", () => {
  const site = join(folder, "dist", "docs");
  assert.deepEqual(deadAnchors(site), []);
  appendFileSync(
    join(site, "workers.html"),
    '<a href="/events.html#the-end">there</a> <a href="/events.html#nowhere">not</a>',
  );
  assert.deepEqual(deadAnchors(site), ["/workers.html: /events.html#nowhere"]);
});

test("a link to a page that is not there fails the build, which names the page", async () => {
  appendFileSync(join(folder, "docs", "workers.md"), "\n[Broken](nowhere.md)\n");
  const { code, output } = await build();
  assert.equal(code, 1, output);
  assert.match(output, /workers\.md/);
  assert.match(output, /nowhere\.md/);
});

async function build(): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [join(ROOT, "site", "build.ts"), folder], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  const [code] = await once(child, "close");
  return { code, output };
}
