import { spawnSync } from "node:child_process";

/**
 * Why a test of it is to be skipped: false where the tool is there. CI has them all, and no excuse: with
 * `TEST_REQUIRE_<NAME>` a missing one is an error.
 */
export function skipWithoutTool(name: string, variable: string, ...args: readonly string[]): string | false {
  if (spawnSync(name, args).error === undefined) return false;
  if (process.env[`TEST_REQUIRE_${variable}`] !== undefined) throw new Error(`${name} is missing`);
  return `${name} is missing`;
}
