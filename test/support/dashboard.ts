import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { launchChromium } from "./chromium.ts";
import { ServiceProcess } from "./service-process.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Where screenshots go; without it none are taken. */
const SCREENSHOTS = process.env.TEST_SCREENSHOTS;

/** How a page is looked at. */
export interface View {
  readonly theme?: "light" | "dark";
  /** Pixels; default 1280 x 800. */
  readonly width?: number;
  readonly height?: number;
}

/** A service, and a real browser that looks at its dashboard. */
export class DashboardRig {
  readonly service: ServiceProcess;
  readonly browser: Browser;
  /** What pages said on the console as errors, and what they threw; a test that expects some takes them away. */
  readonly complaints: string[] = [];

  constructor(service: ServiceProcess, browser: Browser) {
    this.service = service;
    this.browser = browser;
  }

  static async start(flags: readonly string[] = []): Promise<DashboardRig> {
    const service = await ServiceProcess.start(flags);
    try {
      return new DashboardRig(service, await launchChromium());
    } catch (error) {
      await service[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Opens a path in a window of its own (its own storage, its own cache). */
  async open(path: string, { theme = "light", width = 1280, height = 800 }: View = {}): Promise<Page> {
    const options: BrowserContextOptions = {
      colorScheme: theme,
      viewport: { width, height },
      // Wide tests must not hang on a picture that moves.
      reducedMotion: "reduce",
    };
    const context = await this.browser.newContext(options);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.complaints.push(`${path}: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(`${path}: ${message.text()}`);
    });
    page.on("request", (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol.startsWith("http") && origin !== this.service.url)
        this.complaints.push(`${path}: asked ${request.url()}`);
    });
    await page.goto(`${this.service.url}${path}`);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.service[Symbol.asyncDispose]();
  }
}

/** What axe finds that is serious or critical: which rule, and where. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  // The policy on content forbids scripts that the page does not come with; this one comes through the debugger.
  await page.evaluate(AXE);
  const found: string = await page.evaluate(
    `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => JSON.stringify(violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ": " + html.slice(0, 200) + " " + failureSummary))))`,
  );
  return JSON.parse(found);
}

/** Whether the page is wider than its window, as it must not be. */
export async function sidewaysScroll(page: Page): Promise<number> {
  return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
}

/** Keeps a picture of the page, for whoever runs the tests with `TEST_SCREENSHOTS=FOLDER`. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (SCREENSHOTS === undefined) return;
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}
