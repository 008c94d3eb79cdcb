/**
 * Makes what is published as `@millrace/client`: `node scripts/build-client.ts [folder]`, by default packages/client/dist.
 * `npm publish packages/client/dist` publishes it; in the workspace the sources run as they are.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { rolldown } from "rolldown";
import { clientTypes } from "./client-types.ts";

const ROOT = join(import.meta.dirname, "..");
const CLIENT = join(ROOT, "packages", "client");
const ENTRIES = ["index", "react"] as const;

/** Makes the package in `folder`, in place of what is there. */
export async function buildClient(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const manifest = publishedManifest();
  const bundle = await rolldown({
    input: Object.fromEntries(ENTRIES.map((name) => [name, join(CLIENT, "src", `${name}.ts`)])),
    external: Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
    platform: "neutral",
  });
  await bundle.write({
    dir: folder,
    format: "es",
    chunkFileNames: "[name].js",
    // The declarations have them; names stay, for whoever reads a stack trace.
    comments: false,
  });
  await bundle.close();
  writeDeclarations(folder);
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  cpSync(join(CLIENT, "README.md"), join(folder, "README.md"));
  cpSync(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
}

/** The workspace's manifest, as it is for those who install the package. */
function publishedManifest() {
  // The workspace's own file.
  const {
    private: _,
    scripts: __,
    devDependencies: ___,
    ...own
  } = JSON.parse(readFileSync(join(CLIENT, "package.json"), "utf8")) as Manifest;
  const { "@millrace/protocol": ____, ...dependencies } = own.dependencies;
  return {
    ...own,
    sideEffects: false,
    publishConfig: { access: "public" },
    engines: { node: ">=20" },
    exports: {
      ...Object.fromEntries(
        ENTRIES.map((name) => [
          name === "index" ? "." : `./${name}`,
          { types: `./${name}.d.ts`, default: `./${name}.js` },
        ]),
      ),
      "./package.json": "./package.json",
    },
    dependencies,
  };
}

interface Manifest {
  readonly private: boolean;
  readonly scripts: unknown;
  readonly devDependencies: unknown;
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly [field: string]: unknown;
}

/** The client's own declarations, and beside them, in `protocol/`, what they need of the protocol. */
function writeDeclarations(folder: string): void {
  const emitted = mkdtempSync(join(tmpdir(), "millrace-declarations-"));
  try {
    const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
    execFileSync(process.execPath, [tsc, "-p", join(CLIENT, "tsconfig.build.json"), "--outDir", emitted], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    for (const [from, to] of [
      [join("client", "src"), ""],
      [join("protocol", "src"), "protocol"],
    ] as const) {
      for (const file of readdirSync(join(emitted, from), { recursive: true, encoding: "utf8" })) {
        if (!file.endsWith(".d.ts") || (to === "protocol" && !PROTOCOL_FILES.has(file))) continue;
        const path = join(to, file);
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), withoutWorkspace(path, readFileSync(join(emitted, from, file), "utf8")));
      }
    }
    writeFileSync(join(folder, "protocol", "types.d.ts"), clientTypes());
  } finally {
    rmSync(emitted, { recursive: true, force: true });
  }
}

/** Those that need nothing but types of the others. */
const PROTOCOL_FILES = new Set(["durations.d.ts", "fold.d.ts", "terminal.d.ts", "timeline.d.ts"]);

/** A declaration whose imports lead to what is published. */
function withoutWorkspace(path: string, text: string): string {
  const up = relative(dirname(path), "protocol") || ".";
  const protocol = up.startsWith(".") ? up : `./${up}`;
  return text
    .replaceAll(/"@millrace\/protocol(?:\/(\w+))?"/g, (_all, file) => `"${protocol}/${file ?? "types"}.js"`)
    .replaceAll(/(from |import\()"(\.[^"]*)\.ts"/g, (_all, before, target) =>
      path.startsWith("protocol") && !PROTOCOL_FILES.has(`${target.slice(2)}.d.ts`)
        ? `${before}"./types.js"`
        : `${before}"${target}.js"`,
    );
}

if (import.meta.main) await buildClient(process.argv[2] ?? join(CLIENT, "dist"));
