import { parseHTML } from "linkedom";
import { htmlExtract } from "../../packages/adapters/src/html-extract.ts";
import { runOne } from "../../packages/adapters/src/testing/run-adapter.ts";
import { documentationPages } from "./pages.ts";
import { mean, percent, type Score, scoreItems, wordsOf } from "./score.ts";

/** The members of a DOM that are used here; its types need the library of a browser. */
interface Dom {
  querySelectorAll(selector: string): Iterable<{ readonly textContent: string }>;
}

/** Main content of pages: ours, that of a peer, and all that a page has. */
export async function measureHtml(): Promise<(string | number)[][]> {
  const { Defuddle } = await import("defuddle/node");
  const ways: Record<string, (html: string) => Promise<string>> = {
    "html_extract (Readability)": async (html) =>
      textOf(String((await runOne(htmlExtract, { max_bytes: 8_000_000 }, { html })).html)),
    "defuddle 0.19": async (html) => textOf((await Defuddle(html, "http://127.0.0.1/")).content),
    "the whole body": async (html) => textOf(html),
  };
  const pages = documentationPages();
  const rows: (string | number)[][] = [];
  for (const [name, extract] of Object.entries(ways)) {
    const scores: (Score & { page: string })[] = [];
    const began = performance.now();
    for (const page of pages) {
      const wanted = [...domOf(page.html).querySelectorAll(page.content)].map((each) => each.textContent).join("\n");
      const found = await extract(page.html);
      scores.push({ page: page.name, ...scoreItems(wordsOf(wanted), wordsOf(found)) });
    }
    const worst = scores.toSorted((a, b) => a.f1 - b.f1)[0];
    rows.push([
      name,
      pages.length,
      percent(mean(scores.map(({ precision }) => precision))),
      percent(mean(scores.map(({ recall }) => recall))),
      percent(mean(scores.map(({ f1 }) => f1))),
      worst === undefined ? "" : `${percent(worst.f1)} (${worst.page})`,
      Math.round((performance.now() - began) / pages.length),
    ]);
  }
  return rows;
}

function domOf(html: string): Dom {
  // The library types its result as a browser's window; the document in it has these members.
  return (parseHTML(html) as unknown as { document: Dom }).document;
}

function textOf(html: string): string {
  const dom = domOf(`<html><body>${html.replaceAll(/<(script|style)\b[\s\S]*?<\/\1>/g, "")}</body></html>`);
  return [...dom.querySelectorAll("body")].map((body) => body.textContent).join("\n");
}
