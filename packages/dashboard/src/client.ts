import { createClient } from "@millrace/client";
import { chosenProject } from "./project.ts";

const baseUrl = window.location.origin;
const project = chosenProject();

/** The service that these pages come from, as far as the chosen project goes. */
export const client = createClient({ baseUrl, ...(project === null ? {} : { project }) });

/** The same, whatever project is chosen. */
export const wholeClient = createClient({ baseUrl });
