import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launchChromium, skipWithoutChromium } from "../support/chromium.ts";
import { MILLRACE } from "../support/millrace-process.ts";
import { ROOT } from "./pages.ts";

/** Something to type, and what the page shows of it; null where it shows nothing. */
interface Step {
  readonly language: string;
  readonly code: string;
  readonly shown: string | null;
}

const folder = mkdtempSync(join(tmpdir(), "millrace-tutorial-"));
let service: ChildProcess;
let url = "";

before(async () => {
  cpSync(join(ROOT, "examples"), join(folder, "examples"), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  // As `npm start` does, in the reader's folder.
  const args = [MILLRACE, "serve", "--configs-dir", "examples", "--port", "0", "--log-level", "warn"];
  service = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  url = await new Promise((resolve, reject) => {
    let text = "";
    service.stdout?.on("data", (chunk) => {
      text += chunk;
      const at = /^Millrace listens on (\S+)$/m.exec(text)?.[1];
      if (at !== undefined) resolve(at);
    });
    service.once("exit", (code) => reject(new Error(`The service ended with ${code}.`)));
  });
});

after(async () => {
  const gone = once(service, "exit");
  service.kill("SIGKILL");
  await gone;
  rmSync(folder, { recursive: true, force: true });
});

test("whoever types the tutorial sees what it shows", async (t) => {
  const steps = stepsOf(readFileSync(join(ROOT, "docs", "tutorial.md"), "utf8"));
  assert.ok(steps.length > 10);
  for (const { language, code, shown } of steps) {
    const name = code.split("\n").at(-2) ?? "";
    if (language === "sh") {
      const { text, exit } = await type(code);
      // A pipeline with an error is the one thing that is to fail.
      assert.equal(exit, shown?.includes(": error E") ? 3 : 0, `${name}\n${text}`);
      if (shown !== null) assertShows(text, shown, name);
    } else {
      const skip = skipWithoutChromium();
      if (skip === false) assertShows(await typeInBrowser(code), shown ?? "", name);
      else t.diagnostic(`${name}: ${skip}`);
    }
  }
});

/** What there is to type, but for the installation and the start, which are this test's own. */
function stepsOf(page: string): Step[] {
  const fences = [...page.matchAll(/^```(\w+)[^\n]*\n([\s\S]*?)^```$/gm)].map(([, language = "", code = ""]) => ({
    language,
    code: code.replace(/^npm (?:ci|start)\n/gm, ""),
  }));
  return fences.flatMap(({ language, code }, index) => {
    if (!["sh", "js"].includes(language) || code === "") return [];
    const next = fences[index + 1];
    return [{ language, code, shown: next?.language === "text" ? next.code : null }];
  });
}

/** `…` stands for anything in a line; a line that is nothing else, for any lines. */
function assertShows(text: string, shown: string, name: string): void {
  const pattern = shown
    .split(/^…\n/m)
    .map((part) => part.split("…").map(RegExp.escape).join(".*"))
    .join("(?:.*\\n)*?");
  assert.match(text, new RegExp(`^${pattern}$`), name);
}

async function type(code: string): Promise<{ text: string; exit: number }> {
  const script = `set -e\nexec 2>&1\n${code}`.replaceAll("http://127.0.0.1:8000", url);
  const child = spawn("bash", ["-c", script], {
    cwd: folder,
    env: { ...process.env, MILLRACE_URL: url },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  const [exit] = await once(child, "close");
  return { text, exit };
}

/** Types it into the console of a page of the service; what it logs up to the stream's end, as lines. */
async function typeInBrowser(code: string): Promise<string> {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.goto(url);
    let text = "";
    const ended = new Promise<void>((resolve) => {
      page.on("console", (message) => {
        // The page itself may log as well.
        if (!/^(?:done in |completed$)/.test(message.text())) return;
        text += `${message.text()}\n`;
        if (message.text() === "completed") resolve();
      });
    });
    await page.evaluate(code);
    await ended;
    return text;
  } finally {
    await browser.close();
  }
}
