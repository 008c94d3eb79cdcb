import { z } from "zod";
import { executionStatusSchema } from "./status.ts";

const count = z.int().min(0);
const rate = z
  .number()
  .min(0)
  .describe("Messages settled per second: over the last five seconds, or over the whole run once it is over");

/** One route in a `progress` frame. */
export const routeProgressDataSchema = z.object({
  route: z.string().describe("Its key in the pipeline"),
  name: z.string().nullable().describe("Its name for people"),
  queued: count.describe("Messages that wait to be taken"),
  running: count.describe("Messages in flight"),
  retrying: count.describe("Messages that wait for another attempt"),
  completed: count.describe("Messages that are done"),
  failed: count.describe("Messages that failed for good"),
  rate,
});

/** The `data` of a `progress` frame (`view=progress`): the state of an execution, as the fold of its journal tells it. */
export const progressDataSchema = z.object({
  execution_id: z.string().describe("The execution that this is the state of"),
  status: executionStatusSchema,
  timestamp: z.iso.datetime().describe("When it was read"),
  queued: count.describe("Messages that wait to be taken, over all routes"),
  running: count.describe("Messages in flight"),
  retrying: count.describe("Messages that wait for another attempt"),
  completed: count.describe("Messages that are done"),
  failed: count.describe("Messages that failed for good"),
  rate,
  routes: z.array(routeProgressDataSchema).describe("In the pipeline's order"),
});

/** @see progressDataSchema */
export type ProgressData = z.infer<typeof progressDataSchema>;
/** @see routeProgressDataSchema */
export type RouteProgressData = z.infer<typeof routeProgressDataSchema>;
