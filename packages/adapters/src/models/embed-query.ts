import { hash } from "node:crypto";
import type { ContentCache, QueryEmbedding } from "@millrace/engine";
import type { AdapterEnvironment } from "../environment.ts";
import { embedTexts } from "./embed-texts.ts";
import { modelServer } from "./model-server.ts";

/** Somebody waits for the answer: it is tried less, and for shorter, than in a run. */
const SERVER = {
  timeout_seconds: 15,
  max_tries: 2,
  max_wait_seconds: 2,
  max_in_flight: 8,
  max_bytes: 16 * 1024 * 1024,
};

/**
 * The vector of a text that is searched for, by a collection's own model.
 * @throws Error where the key's variable is not set, and what {@link embedTexts} throws
 */
export async function embedQuery(
  { baseUrl, model, apiKeyEnv, dimensions, queryPrefix }: QueryEmbedding,
  text: string,
  cache: ContentCache | null,
  environment: Pick<AdapterEnvironment, "http" | "variable">,
  signal: AbortSignal,
): Promise<number[]> {
  const input = `${queryPrefix}${text}`;
  const key = hash("sha256", JSON.stringify(["query 1", baseUrl, model, dimensions, input]));
  const kept = (await cache?.get([key]))?.get(key);
  if (kept !== undefined && kept.byteLength > 0 && kept.byteLength % 4 === 0)
    return Array.from(new Float32Array(new Uint8Array(kept).buffer));
  const server = modelServer({ ...SERVER, base_url: baseUrl, model, api_key_env: apiKeyEnv ?? undefined }, environment);
  const { vectors } = await embedTexts(server, [input], dimensions, signal);
  const vector = vectors[0] ?? new Float32Array();
  await cache?.put([{ key, value: new Uint8Array(vector.buffer) }]);
  return Array.from(vector);
}
