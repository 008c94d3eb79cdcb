import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Nodes } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { toString as textOf } from "mdast-util-to-string";
import { gfm } from "micromark-extension-gfm";
import { docxToMarkdown } from "../../packages/adapters/src/docx-to-markdown.ts";
import { runOne } from "../../packages/adapters/src/testing/run-adapter.ts";
import { mean, percent, scoreItems, wordsOf } from "./score.ts";

/** Documents that packages ship, with headings, lists, tables, links and code. */
const DOCUMENTS = [
  "csv-stringify",
  "zod",
  "yaml",
  "mdast-util-gfm",
  "hast-util-to-mdast",
  "micromark-extension-gfm",
  "picomatch",
  "commander",
  "pino",
  "jsonata",
  "fastify",
  "mammoth",
  "hyparquet",
  "saxes",
].map((name) => join("node_modules", name, "README.md"));

/** What a document has, and how much of it each way keeps. */
const PARTS: Record<string, (tree: Nodes) => string[]> = {
  words: (tree) => wordsOf(textOf(tree)),
  headings: (tree) => collect(tree, "heading", (node) => `${"depth" in node ? node.depth : 0} ${textOf(node).trim()}`),
  "list items": (tree) => collect(tree, "listItem", (node) => textOf(node).replaceAll(/\s+/g, " ").trim()),
  "table cells": (tree) => collect(tree, "tableCell", (node) => textOf(node).trim()),
  links: (tree) => collect(tree, "link", (node) => ("url" in node ? node.url : "")),
  "code lines": (tree) =>
    collect(tree, "code", (node) => ("value" in node ? node.value : "")).flatMap((code) =>
      code.split("\n").map((line) => line.trim()),
    ),
};

/** Markdown that pandoc has made documents of Word of, and back. */
export async function measureDocx(): Promise<(string | number)[][]> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-quality-"));
  const found: Record<string, Record<string, number[]>> = {};
  let documents = 0;
  try {
    for (const source of DOCUMENTS) {
      if (!existsSync(source)) continue;
      documents += 1;
      const markdown = join(folder, "in.md");
      const file = join(folder, "in.docx");
      // Without what no document of Word can hold: HTML, and pictures from elsewhere.
      const tidy = readFileSync(source, "utf8")
        .replaceAll(/<!--[\s\S]*?-->/g, "")
        .replaceAll(/\[?!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])(?:\]\([^)]*\))?/g, "");
      writeFileSync(markdown, tidy);
      execFileSync("pandoc", ["-f", "gfm-raw_html", "-t", "docx", "-o", file, markdown]);
      const ways: Record<string, () => Promise<string>> = {
        docx_to_markdown: async () =>
          String((await runOne(docxToMarkdown, {}, { root: folder, path: "in.docx" })).text),
        "pandoc 2.17 (-t gfm)": async () => execFileSync("pandoc", ["-f", "docx", "-t", "gfm", file]).toString(),
      };
      // Of the text as pandoc understood it.
      const wanted = parse(execFileSync("pandoc", ["-f", "gfm-raw_html", "-t", "gfm-raw_html", markdown]).toString());
      for (const [way, convert] of Object.entries(ways)) {
        const tree = parse(await convert());
        for (const [part, pick] of Object.entries(PARTS)) {
          const items = pick(wanted);
          if (items.length === 0) continue;
          const scores = found[way] ?? {};
          found[way] = scores;
          scores[part] = [...(scores[part] ?? []), scoreItems(items, pick(tree)).f1];
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return Object.entries(found).map(([way, scores]) => [
    way,
    documents,
    ...Object.keys(PARTS).map((part) => percent(mean(scores[part] ?? []))),
  ]);
}

function parse(text: string): Nodes {
  return fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
}

function collect(tree: Nodes, type: Nodes["type"], show: (node: Nodes) => string): string[] {
  const own = tree.type === type ? [show(tree)] : [];
  return "children" in tree ? [...own, ...tree.children.flatMap((child) => collect(child, type, show))] : own;
}
