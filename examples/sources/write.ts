/**
 * A large set of data to try: the text files that the installed packages ship, as JSON Lines of some 100 MB. One line
 * is a file, with its package, path, bytes and text: node examples/sources/write.ts > sources.jsonl
 */
import { type Dirent, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** So much is written, in bytes, or what there is where that is less. */
const SIZE = 100 * 1024 * 1024;

/** Larger files are no sources, but made of them. */
const MOST_BYTES = 256 * 1024;

const TEXT = /\.(?:c?js|mjs|[cm]?ts|json|md|map)$/;

/** Files of a folder and those below it, in the same order every time. */
function* filesOf(folder: string): Generator<string> {
  const entries: Dirent[] = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    // Neither what tools keep beside packages, nor links to the workspace's own.
    if (entry.isDirectory() && !entry.name.startsWith(".")) yield* filesOf(path);
    else if (entry.isFile() && TEXT.test(entry.name)) yield path;
  }
}

/** As `@scope/name` or `name`, of the innermost package that a file is in. */
function packageOf(path: string): string {
  const [first = "", second = ""] = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length).split("/");
  return first.startsWith("@") ? `${first}/${second}` : first;
}

let written = 0;
for (const path of filesOf("node_modules")) {
  const text = readFileSync(path, "utf8");
  const bytes = Buffer.byteLength(text);
  if (bytes > MOST_BYTES) continue;
  // A U+FFFD that stands in a file by itself is told by its number: as it is, it means that the encoding is another.
  const line = `${JSON.stringify({ package: packageOf(path), path, bytes, text }).replaceAll("\uFFFD", "\\ufffd")}\n`;
  written += Buffer.byteLength(line);
  if (!process.stdout.write(line)) await new Promise((resolve) => process.stdout.once("drain", resolve));
  if (written >= SIZE) break;
}
