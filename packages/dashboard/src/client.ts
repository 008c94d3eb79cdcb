import { createClient } from "@millrace/client";

/** The service that these pages come from. */
export const client = createClient({ baseUrl: window.location.origin });
