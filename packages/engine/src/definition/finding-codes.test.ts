import assert from "node:assert/strict";
import test from "node:test";
import { TEST_REGISTRY } from "./adapters.fixture.ts";
import { FINDING_CODES } from "./codes/finding-codes.ts";
import { loadDefinition } from "./load-definition.ts";
import { environmentSource, type PlaceholderSource } from "./placeholder-source.ts";

const AWAY: PlaceholderSource = {
  ...environmentSource({}),
  secrets: async (names) =>
    new Map(names.map((name) => [name, { problem: "away", message: `"${name}" cannot be had`, suggestion: "Wait." }])),
};

for (const [code, info] of Object.entries(FINDING_CODES)) {
  test(`the example of ${code} gives ${code}, and nothing else that is an error`, async () => {
    const { report, definition } = await loadDefinition(info.example, {
      adapters: TEST_REGISTRY,
      source: code === "E408" ? AWAY : environmentSource({}),
    });
    const found = new Set(report.issues.filter((issue) => issue.severity === info.severity).map((issue) => issue.code));
    if (code === "E502") found.delete("E110");
    assert.deepEqual([...found], [code], JSON.stringify(report.issues.slice(0, 5), null, 2));
    assert.equal(definition === null, info.severity === "error");
    for (const issue of report.issues) {
      assert.ok(issue.message.length > 5 && !/[\n\r]/.test(issue.message), issue.message);
    }
  });
}

test("codes are of the groups that the documentation promises, and errors begin with E", () => {
  for (const [code, info] of Object.entries(FINDING_CODES)) {
    assert.match(code, /^(E[0-5]|W5)\d\d$/);
    assert.equal(code.startsWith("W") ? "warning" : "error", info.severity);
  }
});
