import { z } from "zod";

const count = z.int().min(0);

/** What a step used of a model. */
export const usageSchema = z
  .object({
    requests: count.describe("Requests that a model's server answered"),
    cached: count.describe("Inputs whose answer was in the cache: no request was made for them"),
    input_tokens: count.describe("Tokens that were sent, as the server counts them"),
    output_tokens: count.describe("Tokens that the model made"),
    cost: z.number().min(0).describe("By the prices in the step's config, in whatever currency they are in; 0 without"),
  })
  .meta({ id: "Usage" });

/** @see usageSchema */
export type Usage = z.infer<typeof usageSchema>;
