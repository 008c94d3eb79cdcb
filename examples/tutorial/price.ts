import { AdapterError, defineAdapter, z } from "millrace";

const orderSchema = z.object({
  customer: z.string(),
  items: z.array(z.object({ name: z.string(), price: z.number().optional(), count: z.int() })),
});

/** What an order costs. */
export default defineAdapter({
  type: "price",
  description: "Adds up an order, tax included: `{customer, total}`.",
  config: z.strictObject({
    tax: z.number().min(0).max(1).describe("What is added to each price, as a part of it"),
  }),
  process({ payload }, { config }) {
    const { customer, items } = orderSchema.parse(payload);
    let total = 0;
    for (const { name, price, count } of items) {
      if (price === undefined) {
        throw new AdapterError("NO_PRICE", `${customer}'s order has no price for ${name}.`, { retryable: false });
      }
      total += price * count * (1 + config.tax);
    }
    return { customer, total };
  },
});
