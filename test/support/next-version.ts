import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");
const MIGRATIONS = "packages/stores/src/postgres/migrations";

/** What a node of another version is called by, and says of itself. */
export const NEXT_VERSION = "0.999.0";

/** A column more in every table that nodes write, one of them filled in, and a table more. */
const ADDITIVE = `-- oldest-program: MIGRATIONS
ALTER TABLE nodes ADD COLUMN zone text NOT NULL DEFAULT 'here';
ALTER TABLE node_writes ADD COLUMN of_tomorrow text;
ALTER TABLE executions ADD COLUMN of_tomorrow integer NOT NULL DEFAULT 7;
ALTER TABLE journal ADD COLUMN of_tomorrow jsonb;
ALTER TABLE configs ADD COLUMN of_tomorrow text;
CREATE TABLE tomorrow (execution_key bigint PRIMARY KEY);
CREATE INDEX journal_of_tomorrow ON journal (last) WHERE of_tomorrow IS NOT NULL;
`;

/** Millrace in another version than this one, to be run beside it. */
export class NextVersion {
  /** The command, as {@link MILLRACE} is this version's. */
  readonly program: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.program = join(folder, "packages", "cli", "bin", "millrace.js");
  }

  /**
   * A version after this one, as a release that changes what it can: its database has more columns, tables and indexes, and
   * what its nodes send has more fields. Older nodes may go on with it.
   */
  static make(): NextVersion {
    const next = new NextVersion(mkdtempSync(join(tmpdir(), "millrace-next-")));
    for (const name of readdirSync(join(ROOT, "packages"))) {
      const [from, to] = [join(ROOT, "packages", name), join(next.#folder, "packages", name)];
      cpSync(from, to, { recursive: true, filter: (path) => basename(path) !== "node_modules" });
    }
    next.#link();
    const known = readdirSync(join(ROOT, MIGRATIONS)).length;
    next.addMigration("9001-additive.sql", ADDITIVE.replace("MIGRATIONS", String(known)));
    for (const name of ["cli", "server"]) {
      next.#change(`packages/${name}/package.json`, /"version": "[^"]+"/, `"version": "${NEXT_VERSION}"`);
    }
    const more = ", of_tomorrow: { zone: [1, null] }, ";
    next.#change("packages/stores/src/envelope.ts", /\{ v: ENVELOPE_VERSION, /, `{ v: ENVELOPE_VERSION${more}`);
    next.#change("packages/engine/src/cluster/envelope.ts", /\{ v: WIRE_VERSION, /, `{ v: WIRE_VERSION${more}`);
    return next;
  }

  /** The version of a commit of this repository, over the packages that are installed now. */
  static of(commit: string): NextVersion {
    const other = new NextVersion(mkdtempSync(join(tmpdir(), "millrace-other-")));
    const archive = execFileSync("git", ["archive", commit, "packages"], { cwd: ROOT, maxBuffer: 1 << 30 });
    execFileSync("tar", ["-x", "-C", other.#folder], { input: archive });
    other.#link();
    return other;
  }

  /** Gives it a further migration, which runs when one of its nodes starts. */
  addMigration(name: string, sql: string): void {
    writeFileSync(join(this.#folder, MIGRATIONS, name), sql);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #link(): void {
    const modules = join(this.#folder, "node_modules");
    mkdirSync(join(modules, "@millrace"), { recursive: true });
    for (const name of readdirSync(join(ROOT, "node_modules"))) {
      if (name !== "@millrace") symlinkSync(realpathSync(join(ROOT, "node_modules", name)), join(modules, name));
    }
    for (const name of readdirSync(join(this.#folder, "packages"))) {
      const to = join(this.#folder, "packages", name);
      symlinkSync(to, join(modules, "@millrace", name));
      // Most packages have all of theirs in the root.
      const own = join(ROOT, "packages", name, "node_modules");
      if (existsSync(own)) symlinkSync(realpathSync(own), join(to, "node_modules"));
    }
  }

  #change(path: string, what: RegExp, by: string): void {
    const file = join(this.#folder, path);
    const text = readFileSync(file, "utf8");
    assert.match(text, what, `${path} is as it was when this was written`);
    writeFileSync(file, text.replace(what, by));
  }
}
