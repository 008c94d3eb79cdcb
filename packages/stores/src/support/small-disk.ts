import { spawnSync } from "node:child_process";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { temporaryFolder } from "./temporary-folder.ts";

/**
 * A file system of its own, so small that it can be filled; it is gone when its scope is left. Null, and the test is
 * skipped, where this user may not mount one.
 */
export function smallDisk(test: TestContext, size: string): ({ readonly path: string } & Disposable) | null {
  const folder = temporaryFolder();
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder.path]);
  if (mounted.status !== 0) {
    folder[Symbol.dispose]();
    test.skip(`a small disk cannot be mounted: ${mounted.error?.message ?? mounted.stderr.toString().trim()}`);
    return null;
  }
  return {
    path: folder.path,
    [Symbol.dispose]() {
      // Lazily: what is still open must not keep the mount.
      spawnSync("umount", ["-l", folder.path]);
      folder[Symbol.dispose]();
    },
  };
}

/** Fills the disk but for `left` bytes. Returns the way to make room again. */
export function fillDisk(path: string, left = 0): () => void {
  const file = join(path, "filling");
  const { bavail, bsize } = statfsSync(path);
  const blocks = bavail - Math.ceil(left / bsize);
  if (blocks > 0) writeFileSync(file, Buffer.alloc(blocks * bsize));
  return () => rmSync(file, { force: true });
}
