import { AdapterError } from "@millrace/engine";

/**
 * A text as an http or https URL.
 * @throws AdapterError URL_INVALID, not retryable
 */
export function parseHttpUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    const safe = text.slice(0, 200).replace(/\/\/[^/@]*@/, "//…@");
    throw new AdapterError("URL_INVALID", `"${safe}" is no http or https URL.`, { retryable: false });
  }
  return url;
}
