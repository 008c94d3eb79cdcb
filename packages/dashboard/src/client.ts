import { type ClientOptions, createClient } from "@millrace/client";
import { chosenProject } from "./project.ts";

/** What requests that change something must say where a login is their credential; null where none is needed. */
let csrfToken: string | null = null;

/** Told of a request that was refused for want of a login. */
let onRefused: () => void = () => {};

const options: ClientOptions = {
  baseUrl: window.location.origin,
  headers: (): Record<string, string> => (csrfToken === null ? {} : { "x-csrf-token": csrfToken }),
  async fetch(input, init) {
    const response = await fetch(input, init);
    // Whoever asks who is logged in learns it from the answer.
    if (response.status === 401 && !String(input).endsWith("/api/v1/session")) onRefused();
    return response;
  },
};

const project = chosenProject();

/** The service that these pages come from, as far as the chosen project goes. */
export const client = createClient({ ...options, ...(project === null ? {} : { project }) });

/** The same, whatever project is chosen. */
export const wholeClient = createClient(options);

/** Takes over what a login, or the end of one, has brought. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** Calls `tell` when a request was refused for want of a login. */
export function whenRefused(tell: () => void): void {
  onRefused = tell;
}
