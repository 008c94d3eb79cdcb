import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTraceContext, traceparentOf } from "./trace-context.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

test("a traceparent is read as W3C Trace Context says, and written the same", () => {
  const context = parseTraceContext(`00-${TRACE}-${SPAN}-01`, "a=1, b@c=2");
  assert.deepEqual(context, { traceId: TRACE, spanId: SPAN, sampled: true, state: "a=1,b@c=2" });
  assert.equal(context && traceparentOf(context), `00-${TRACE}-${SPAN}-01`);
  assert.equal(parseTraceContext(`00-${TRACE}-${SPAN}-02`)?.sampled, false);
  assert.equal(parseTraceContext(`cc-${TRACE}-${SPAN}-01-what-comes-later`)?.traceId, TRACE);
});

test("a wrong traceparent is none, and a wrong tracestate is left out", () => {
  for (const wrong of [
    undefined,
    "",
    `00-${TRACE}-${SPAN}`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE}x-${SPAN}-01`,
  ])
    assert.equal(parseTraceContext(wrong), null, String(wrong));
  for (const wrong of ["UPPER=1", "a", `a=${"x".repeat(600)}`, "a=1\r\nb=2", 7])
    assert.equal(parseTraceContext(`00-${TRACE}-${SPAN}-01`, wrong)?.state, null, String(wrong));
});
