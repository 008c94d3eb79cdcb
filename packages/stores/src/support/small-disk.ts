import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { temporaryFolder } from "./temporary-folder.ts";

/**
 * A file system of its own, so small that it can be filled; it is gone when its scope is left. Null, and the test is
 * skipped, where this user may not mount one: where TEST_REQUIRE_DISKS is set that is an error.
 */
export function smallDisk(test: TestContext, size: string): ({ readonly path: string } & Disposable) | null {
  const folder = temporaryFolder();
  if (!mount(test, ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder.path])) {
    folder[Symbol.dispose]();
    return null;
  }
  return {
    path: folder.path,
    [Symbol.dispose]() {
      unmount(folder.path);
      folder[Symbol.dispose]();
    },
  };
}

/** Mounts, as `mount` is told; false, and the test is skipped, where this user may not. */
export function mount(test: TestContext, args: readonly string[]): boolean {
  const { status, error, stderr } = spawnSync("mount", args);
  if (status === 0) return true;
  const why = `a disk for the test cannot be mounted: ${error?.message ?? stderr.toString().trim()}`;
  if (process.env.TEST_REQUIRE_DISKS !== undefined) throw new Error(why);
  test.skip(why);
  return false;
}

/** Lazily: what is still open must not keep the mount. */
export function unmount(path: string): void {
  spawnSync("umount", ["-l", path]);
}

/** Fills the disk but for `left` bytes. Returns the way to make room again. */
export function fillDisk(path: string, left = 0): () => void {
  const file = join(path, `filling-${randomUUID()}`);
  const { bavail, bsize } = statfsSync(path);
  const blocks = bavail - Math.ceil(left / bsize);
  try {
    if (blocks > 0) writeFileSync(file, Buffer.alloc(blocks * bsize));
  } catch (error) {
    // What another process has taken meanwhile is full as well.
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
  return () => rmSync(file, { force: true });
}
