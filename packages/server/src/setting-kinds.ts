import { z } from "zod";

/** A number, or the text of one. Not coerced: an empty text, `true` and `[]` would count as numbers. */
export const number = (schema: z.ZodNumber) =>
  z.preprocess((value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value), schema);

/** A whole number. */
export const count = (what: string, fallback: number, min: number, max: number) =>
  number(z.number("expected a whole number").int("expected a whole number").min(min).max(max))
    .default(fallback)
    .describe(what);

/** A list; in a flag or variable with commas. */
export const list = (item: z.ZodString) =>
  z.preprocess(
    (value) =>
      typeof value === "string"
        ? value
            .split(",")
            .map((each) => each.trim())
            .filter((each) => each !== "")
        : value,
    z.array(item),
  );
