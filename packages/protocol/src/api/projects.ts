import { z } from "zod";
import { projectSchema } from "./access.ts";
import { listSchema } from "./lists.ts";

export { PROJECT_HEADER } from "../project-header.ts";

/** A project that there is something of, with how much. */
export const projectInfoSchema = z
  .object({
    name: projectSchema,
    configs: z.int().min(0),
    executions: z.int().min(0),
    running: z.int().min(0).describe("Executions that are not over"),
    triggers: z.int().min(0),
    webhooks: z.int().min(0),
    collections: z.int().min(0),
  })
  .meta({ id: "Project" });

/** A page of projects, by name. */
export const projectListSchema = listSchema("projects", projectInfoSchema);

/** The project of what the API shows. */
export const projectField = z.string().describe("The project that it belongs to");

/** @see projectInfoSchema */
export type ProjectInfo = z.infer<typeof projectInfoSchema>;
/** @see projectListSchema */
export type ProjectList = z.infer<typeof projectListSchema>;
