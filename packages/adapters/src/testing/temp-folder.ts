import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A folder of its own, removed with what it holds at the end of the block. */
export class TempFolder {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), "millrace-adapters-")));

  /** Writes a file, with the folders above it; returns its full path. */
  write(name: string, content: string | Uint8Array): string {
    const file = join(this.path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  }

  /** Makes a folder; returns its full path. */
  folder(name: string): string {
    const folder = join(this.path, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Makes a symbolic link. */
  link(name: string, target: string): void {
    const link = join(this.path, name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
