import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { chromium } from "playwright-core";
import { pdfToText } from "../../packages/adapters/src/pdf-to-text.ts";
import { runOne } from "../../packages/adapters/src/testing/run-adapter.ts";
import { documentationPages } from "./pages.ts";
import { mean, percent, runsOf, type Score, scoreItems } from "./score.ts";

/** How the content of a page is laid out before it is printed. */
const LAYOUTS = {
  "one column": "body { font: 11px serif }",
  "two columns":
    "body { font: 10px serif; margin: 0 } .sheet { column-count: 2; column-gap: 24px; break-after: page } pre { white-space: pre-wrap } * { overflow-wrap: anywhere }",
};

/** Characters of a sheet with columns: it fits onto a page, so that its columns are side by side there. */
const SHEET_CHARACTERS = 4000;

/** Paragraphs, gathered into sheets. */
const INTO_SHEETS = `(() => {
  const sheets = [];
  let sheet = null;
  for (const block of document.querySelectorAll("h1, h2, h3, p, pre, dt")) {
    if (block.parentElement.closest("h1, h2, h3, p, pre, dt") !== null) continue;
    if (sheet === null || sheet.textContent.length + block.textContent.length > ${SHEET_CHARACTERS}) {
      sheet = document.createElement("div");
      sheet.className = "sheet";
      sheets.push(sheet);
    }
    if (block.textContent.length < ${SHEET_CHARACTERS}) sheet.append(block.cloneNode(true));
  }
  document.body.replaceChildren(...sheets);
})()`;

/** The text of PDFs whose text is known: content of pages, printed by Chromium. */
export async function measurePdf(): Promise<(string | number)[][]> {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const folder = mkdtempSync(join(tmpdir(), "millrace-quality-"));
  const rows: (string | number)[][] = [];
  try {
    for (const [layout, css] of Object.entries(LAYOUTS)) {
      const prints: { name: string; file: string; text: string }[] = [];
      for (const [index, page] of documentationPages().entries()) {
        const { document } = parseHTML(page.html) as unknown as {
          document: { querySelectorAll(selector: string): Iterable<{ outerHTML: string }> };
        };
        const content = [...document.querySelectorAll(page.content)].map((each) => each.outerHTML).join("");
        const tab = await browser.newPage();
        await tab.setContent(`<style>${css} a { color: inherit }</style>${content}`);
        if (layout === "two columns") await tab.evaluate(INTO_SHEETS);
        // What a reader sees of it, in the order in which it is read.
        const text = String(await tab.evaluate("document.body.innerText"));
        const file = join(folder, `${index}.pdf`);
        writeFileSync(file, await tab.pdf({ format: "A4", displayHeaderFooter: false }));
        await tab.close();
        prints.push({ name: page.name, file, text });
      }
      const ways: Record<string, (file: string) => Promise<string>> = {
        pdf_to_text: async (file) =>
          String((await runOne(pdfToText, { emit: "document", blocks: false }, { root: folder, path: file })).text),
        "pdftotext (poppler 22.12)": async (file) =>
          execFileSync("pdftotext", [file, "-"], { maxBuffer: 2 ** 28 }).toString(),
        "pdftotext -layout": async (file) =>
          execFileSync("pdftotext", ["-layout", file, "-"], { maxBuffer: 2 ** 28 }).toString(),
      };
      for (const [name, read] of Object.entries(ways)) {
        const scores: Score[] = [];
        const began = performance.now();
        for (const { file, text } of prints) scores.push(scoreItems(runsOf(text), runsOf(await read(file))));
        rows.push([
          layout,
          name,
          prints.length,
          percent(mean(scores.map(({ precision }) => precision))),
          percent(mean(scores.map(({ recall }) => recall))),
          percent(mean(scores.map(({ f1 }) => f1))),
          percent(Math.min(...scores.map(({ f1 }) => f1))),
          Math.round((performance.now() - began) / prints.length),
        ]);
      }
    }
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return rows;
}
