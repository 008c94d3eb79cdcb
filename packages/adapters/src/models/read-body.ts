import { AdapterError } from "@millrace/engine";

/**
 * Reads the body of an answer, and no more of it than allowed, however much comes.
 * @throws AdapterError HTTP_BODY_TOO_LARGE, not retryable
 */
export async function readBody(response: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new AdapterError("HTTP_BODY_TOO_LARGE", `The answer has more than ${maxBytes} bytes (max_bytes).`, {
        retryable: false,
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
