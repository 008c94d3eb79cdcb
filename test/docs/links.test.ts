import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { blocks, pages, ROOT } from "./pages.ts";

/** What a link to a heading says, as GitHub makes it. */
function anchors(text: string): Set<string> {
  return new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
      (match[1] ?? "")
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

test("every link in the documentation leads somewhere", () => {
  const broken: string[] = [];
  for (const { path, text } of pages()) {
    const prose = text.replace(/^```[\s\S]*?^```$/gm, "").replace(/`[^`\n]*`/g, "");
    for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [file = "", anchor] = target.split("#");
      const at = file === "" ? join(ROOT, path) : join(ROOT, dirname(path), file);
      const leads = existsSync(at) && (anchor === undefined || anchors(readFileSync(at, "utf8")).has(anchor));
      if (!leads) broken.push(`${path}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

test("code that the documentation shows is the file that it names", () => {
  for (const { path, text } of pages()) {
    for (const { info, code } of [...blocks(text, "ts"), ...blocks(text, "tsx")]) {
      const file = /^file=(\S+)$/.exec(info)?.[1];
      assert.ok(file !== undefined, `${path}: a block of TypeScript names no file, so nothing tests it`);
      assert.equal(code, readFileSync(join(ROOT, file), "utf8"), `${path}: ${file} has changed`);
    }
  }
});
