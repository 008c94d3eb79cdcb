import assert from "node:assert/strict";
import { test } from "node:test";
import { returnPath } from "./return-path.ts";

test("a login leads back to a page of this service", () => {
  for (const path of ["/", "/runs/first", "/?status=failed&tag=a%20b", "/runs/x/events#e1", "/configs/a@b"])
    assert.equal(returnPath(path), path);
});

test("a login leads to no other host, nor in a circle, nor to what is no path", () => {
  for (const path of [
    null,
    undefined,
    "",
    "runs",
    "https://evil.test/",
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    "/.//evil.test",
    "/x/..//evil.test",
    "/%2e//evil.test",
    "javascript:alert(1)",
    "/login",
    "/login/oidc?return_to=/",
    "/ü",
    `/${"x".repeat(3000)}`,
  ])
    assert.equal(returnPath(path), "/", String(path));
});
