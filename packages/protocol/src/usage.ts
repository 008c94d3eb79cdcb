import type { Usage } from "./usage-schema.ts";

/** Nothing used. */
export function noUsage(): Usage {
  return { requests: 0, cached: 0, input_tokens: 0, output_tokens: 0, cost: 0 };
}

/** Adds what was used to `sum`, in place; what is left out is nothing. */
export function addUsage(sum: Usage, used: Partial<Usage>): Usage {
  sum.requests += used.requests ?? 0;
  sum.cached += used.cached ?? 0;
  sum.input_tokens += used.input_tokens ?? 0;
  sum.output_tokens += used.output_tokens ?? 0;
  // Sums of small prices gather errors in their last digits: a billionth is less than any price of a token.
  sum.cost = Math.round((sum.cost + (used.cost ?? 0)) * 1e9) / 1e9;
  return sum;
}
