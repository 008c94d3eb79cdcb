/**
 * Builds the pages into `dist/`, each text compressed beside it (`.br`, `.gz`), where the sources are newer than what
 * is there: it runs at every install and start, and mostly has nothing to do. `--force` builds in any case.
 */
import { globSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "vite";

const HERE = import.meta.dirname;
const DIST = join(HERE, "dist");
/** Built here and put in place whole: a build that is cut short leaves the one before. */
const NEW = join(HERE, `dist-${process.pid}`);

/** What is bundled: the pages, and the workspaces and versions that they are built from. */
const SOURCES = [
  "{src,public}/**/*",
  "*.{ts,html,json}",
  "../{client,protocol}/src/**/*.ts",
  "../../package-lock.json",
];

if (process.argv.includes("--force") || timeOf(join(DIST, "index.html")) < newest(SOURCES)) {
  try {
    await build({ configFile: join(HERE, "vite.config.ts"), logLevel: "warn", build: { outDir: NEW } });
    for (const file of globSync("**/*.{html,js,css,svg,json}", { cwd: NEW })) compress(join(NEW, file));
    rmSync(DIST, { recursive: true, force: true });
    renameSync(NEW, DIST);
  } finally {
    rmSync(NEW, { recursive: true, force: true });
  }
}

function compress(file: string): void {
  const bytes = readFileSync(file);
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  writeFileSync(
    `${file}.br`,
    brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
  );
}

function newest(patterns: readonly string[]): number {
  return Math.max(...globSync(patterns, { cwd: HERE }).map((file) => timeOf(join(HERE, file))));
}

function timeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
