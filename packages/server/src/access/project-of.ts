import {
  DEFAULT_PROJECT,
  MillraceError,
  PROJECT_HEADER,
  projectSchema,
  type ValidationError,
} from "@millrace/protocol";
import { z } from "zod";
import { toValidationErrors } from "../http/validation.ts";
import type { Principal } from "./principal.ts";

/** What of the service a request sees, and where goes what it makes. */
export interface ProjectView {
  /** The one project that there is for it; null: all of them. */
  readonly project: string | null;
  /** What it makes belongs to this one. */
  readonly projectForNew: string;
}

/** What belongs to one project, and nothing else. */
export function viewOf(project: string): ProjectView {
  return { project, projectForNew: project };
}

/** Headers by name in lower case, as Node has them. */
type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** What every request to a part of the service that has projects takes in its headers. */
export const projectHeaders = z.object({
  "millrace-project": projectSchema
    .optional()
    .describe("Narrows the request to one project: what it sees, and where what it makes belongs"),
});

/**
 * What a principal's request is about: all that the principal may see, or the project that the header names. What is
 * wrong with the header's form is added to `errors`.
 * @throws MillraceError FORBIDDEN where it names another project than the principal's
 */
export function projectOf(principal: Principal, headers: Headers, errors: ValidationError[]): ProjectView {
  const own = principal.project;
  // Most name none: nothing is read for those.
  if (headers["millrace-project"] === undefined) return { project: own, projectForNew: own ?? DEFAULT_PROJECT };
  const read = projectHeaders.safeParse(headers);
  if (!read.success) errors.push(...toValidationErrors("header", read.error.issues, headers));
  const named = read.data?.["millrace-project"];
  if (named === undefined) return viewOf(own ?? DEFAULT_PROJECT);
  if (own !== null && named !== own)
    throw new MillraceError(
      "FORBIDDEN",
      `The credential is of the project "${own}"; ${PROJECT_HEADER} names another. Leave the header out, or use a credential of that project.`,
    );
  return viewOf(named);
}
