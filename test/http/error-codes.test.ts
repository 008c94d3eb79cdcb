import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ERROR_CODES } from "@millrace/protocol";

test("the guide to the HTTP API lists every error code that an answer can have, with its status and meaning", () => {
  const guide = readFileSync(new URL("../../docs/http-api.md", import.meta.url), "utf8");
  const listed = [...guide.matchAll(/^\| (\d{3}) +\| `([A-Z_]+)` +\| (.*?) +\|$/gm)].map(
    ([, status, code, summary]) => ({
      code,
      status: Number(status),
      summary,
    }),
  );
  // Faults at the start of the process; in a request any of them is INTERNAL.
  const answered = Object.entries(ERROR_CODES).filter(([code, { status }]) => status !== 500 || code === "INTERNAL");
  assert.deepEqual(
    listed,
    answered.map(([code, { status, summary }]) => ({ code, status, summary })),
  );
});
