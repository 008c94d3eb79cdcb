import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TallScroll } from "../../packages/dashboard/src/ui/tall-scroll.ts";

test("a list of any length is scrolled from its first row to its last, and every place is where it was", () => {
  fc.assert(
    fc.property(
      fc.nat(100_000_000),
      fc.integer({ min: 1, max: 2_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (total, height, share) => {
        const scroll = new TallScroll(total, 28, height);
        assert.ok(scroll.pixels <= 8_000_000);
        assert.equal(scroll.toPixels(0), 0);
        assert.ok(Math.abs(scroll.toPixels(scroll.maxTop) - Math.max(0, scroll.pixels - height)) < 0.01);
        const top = share * scroll.maxTop;
        assert.ok(Math.abs(scroll.toRows(scroll.toPixels(top)) - top) < 0.001 * Math.max(1, top));
      },
    ),
  );
});
