import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** The project's folder. */
export const ROOT = join(import.meta.dirname, "..", "..");

/** Every page of the documentation: its path in the project, and its text. */
export function pages(): { readonly path: string; readonly text: string }[] {
  const found = ["README.md", "DEVELOPMENT.md", "CHANGELOG.md", "SECURITY.md"];
  for (const folder of ["docs", "packages", "examples"]) {
    for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      const path = relative(ROOT, join(entry.parentPath, entry.name));
      if (entry.isFile() && path.endsWith(".md") && !/node_modules|\/dist\//.test(path)) found.push(path);
    }
  }
  return found.map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
}

/** The fenced blocks of a page that begin with `language`; `info` is what stands behind it. */
export function blocks(text: string, language: string): { readonly info: string; readonly code: string }[] {
  const fence = new RegExp(`^\`\`\`${language}(?: (.*))?\\n([\\s\\S]*?)^\`\`\`$`, "gm");
  return [...text.matchAll(fence)].map((match) => ({ info: match[1] ?? "", code: match[2] ?? "" }));
}
