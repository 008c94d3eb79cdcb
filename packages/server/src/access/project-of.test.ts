import assert from "node:assert/strict";
import { test } from "node:test";
import type { ValidationError } from "@millrace/protocol";
import { ANYONE, type Principal } from "./principal.ts";
import { projectOf } from "./project-of.ts";

const OF_SHOP: Principal = { ...ANYONE, kind: "key", id: "k", project: "shop" };

function view(principal: Principal, header?: string) {
  const errors: ValidationError[] = [];
  const seen = projectOf(principal, header === undefined ? {} : { "millrace-project": header }, errors);
  return { ...seen, errors };
}

test("who sees all projects sees one of them where the header names it, and what they make goes there", () => {
  assert.deepEqual(view(ANYONE), { project: null, projectForNew: "default", errors: [] });
  assert.deepEqual(view(ANYONE, "shop"), { project: "shop", projectForNew: "shop", errors: [] });
});

test("who sees one project sees no other, whatever the header says", () => {
  assert.deepEqual(view(OF_SHOP), { project: "shop", projectForNew: "shop", errors: [] });
  assert.deepEqual(view(OF_SHOP, "shop"), { project: "shop", projectForNew: "shop", errors: [] });
  assert.throws(() => view(OF_SHOP, "other"), {
    code: "FORBIDDEN",
    message: /of the project "shop".*Leave the header out/,
  });
});

test("what is no name of a project is told of, and shows nothing in the meantime but what the principal sees", () => {
  for (const header of ["", "Shop", "a b", "a,b", "-a", "a-", "x".repeat(64), "a/b", "ä"]) {
    const { project, errors } = view(OF_SHOP, header);
    assert.equal(project, "shop");
    assert.deepEqual(
      errors.map(({ loc, type }) => [loc, type]),
      [[["header", "Millrace-Project"], "string_pattern_mismatch"]],
      header,
    );
  }
});
