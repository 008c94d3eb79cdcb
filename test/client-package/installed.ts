import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildClient } from "../../scripts/build-client.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** A project of somebody else's, with the packed client installed and no registry at hand. */
export class ForeignProject {
  readonly folder = mkdtempSync(join(tmpdir(), "millrace-foreign-"));
  /** What the client's tarball holds. */
  packed: readonly string[] = [];

  static async make(): Promise<ForeignProject> {
    const project = new ForeignProject();
    const build = join(project.folder, "build");
    await buildClient(build);
    mkdirSync(project.at("app"));
    const [client, parser] = [build, join(ROOT, "node_modules", "eventsource-parser")].map((from) =>
      project.#pack(from),
    );
    project.packed = client?.files.map(({ path }) => path).sort() ?? [];
    writeFileSync(project.at("app/package.json"), JSON.stringify({ name: "app", version: "1.0.0", type: "module" }));
    project.#npm("install", "--offline", "--no-audit", "--no-fund", `../${client?.filename}`, `../${parser?.filename}`);
    return project;
  }

  at(path: string): string {
    return join(this.folder, path);
  }

  write(path: string, text: string): string {
    writeFileSync(this.at(path), text);
    return this.at(path);
  }

  /** What this repository has of another package. */
  lend(...names: readonly string[]): void {
    for (const name of names)
      cpSync(join(ROOT, "node_modules", name), this.at(`app/node_modules/${name}`), { recursive: true });
  }

  /** Of all packages that are installed. */
  get installed(): readonly string[] {
    return readdirSync(this.at("app/node_modules"), { recursive: true, encoding: "utf8" })
      .filter((path) => /^(?:@[^/]+\/)?[^/.@]+\/package\.json$/.test(path))
      .map((path) => path.replace("/package.json", ""))
      .sort();
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #pack(from: string): { filename: string; files: { path: string }[] } {
    const out = JSON.parse(this.#npm("pack", from, "--json", "--ignore-scripts", "--pack-destination", this.folder));
    // One entry per package that was packed; by its name in newer versions of npm.
    const [entry] = Array.isArray(out) ? out : Object.values<{ filename: string; files: { path: string }[] }>(out);
    return entry;
  }

  #npm(...words: string[]): string {
    return execFileSync("npm", words, { cwd: this.at("app"), encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }
}
