import { z } from "zod";
import { intQuery } from "./query.ts";
import type { Sent } from "./sent.ts";

/** The query of every list. */
export const pageQuerySchema = z.object({
  limit: intQuery({ ge: 1, le: 1000, default: 100, description: "How many to return" }),
  offset: intQuery({ ge: 0, default: 0, description: "How many to skip" }),
});

/** @see pageQuerySchema */
export type PageQuery = Sent<typeof pageQuerySchema>;

/** A list as the API answers it: `{total, limit, offset, has_more, <plural>: […]}`. */
export function listSchema<Plural extends string, Item extends z.ZodType>(plural: Plural, item: Item) {
  return z.object({
    total: z.int().min(0),
    limit: z.int().min(1),
    offset: z.int().min(0),
    has_more: z.boolean(),
    // The computed key widens to an index signature; its one name is known.
    ...({ [plural]: z.array(item) } as Record<Plural, z.ZodArray<Item>>),
  });
}
