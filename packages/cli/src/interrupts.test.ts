import assert from "node:assert/strict";
import { test } from "node:test";
import { onSignals } from "./interrupts.ts";

test("a Ctrl-C that arrives twice at once is one, and a second press is a second, also when it is pressed again and again", () => {
  const told: string[] = [];
  let time = 0;
  const before = process.listeners("SIGHUP");
  onSignals(
    ["SIGHUP"],
    () => told.push("first"),
    () => told.push("again"),
    () => time,
  );
  try {
    for (const at of [0, 5, 200, 400, 1000, 1005, 1500]) {
      time = at;
      process.emit("SIGHUP", "SIGHUP");
    }
  } finally {
    for (const listener of process.listeners("SIGHUP")) if (!before.includes(listener)) process.off("SIGHUP", listener);
  }
  assert.deepEqual(told, ["first", "again", "again", "again"]);
});
