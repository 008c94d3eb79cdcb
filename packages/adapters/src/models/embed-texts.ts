import { AdapterError } from "@millrace/engine";
import type { JsonValue } from "@millrace/protocol";
import { z } from "zod";
import { askModel } from "./ask-model.ts";
import type { ModelServer } from "./model-server.ts";

/** Vectors of texts, in the texts' order, and what they took. */
export interface Embedded {
  readonly vectors: readonly Float32Array[];
  readonly tokens: number;
}

const answerSchema = z.object({
  data: z.array(z.object({ embedding: z.array(z.number()), index: z.int().min(0).optional() })),
  usage: z.object({ prompt_tokens: z.int().min(0).optional(), total_tokens: z.int().min(0).optional() }).optional(),
});

/**
 * Embeds texts with one request.
 * @throws AdapterError DIMENSIONS_MISMATCH (not retryable), MODEL_ANSWER_INVALID, and those of {@link askModel}
 */
export async function embedTexts(
  server: ModelServer,
  texts: readonly string[],
  dimensions: number | null,
  signal: AbortSignal,
): Promise<Embedded> {
  const answer = await askModel(
    server,
    "/embeddings",
    { model: server.model, input: texts, encoding_format: "float", ...(dimensions === null ? {} : { dimensions }) },
    signal,
  );
  const { data, error } = answerSchema.safeParse(answer);
  if (data === undefined) throw invalid(server, `${error.issues[0]?.path.join(".")}: ${error.issues[0]?.message}`);
  if (data.data.length !== texts.length) {
    throw invalid(server, `it has ${data.data.length} vectors for ${texts.length} texts`);
  }
  // A server may answer in another order: each says which text it is of.
  const ordered = data.data.map((each, place) => ({ embedding: each.embedding, index: each.index ?? place }));
  ordered.sort((a, b) => a.index - b.index);
  const vectors = ordered.map(({ embedding, index }, place) => {
    if (index !== place) throw invalid(server, "its vectors are not one for each text");
    return toVector(server, embedding, dimensions ?? ordered[0]?.embedding.length ?? 0);
  });
  return { vectors, tokens: data.usage?.prompt_tokens ?? data.usage?.total_tokens ?? 0 };
}

/** As it goes into a payload: seven digits, which is what a 32-bit float holds. */
export function vectorJson(vector: Float32Array): JsonValue[] {
  return Array.from(vector, (value) => Number(value.toPrecision(7)));
}

function toVector(server: ModelServer, numbers: readonly number[], dimensions: number): Float32Array {
  if (numbers.length !== dimensions) {
    throw new AdapterError(
      "DIMENSIONS_MISMATCH",
      `"${server.model}" gives a vector of ${numbers.length} dimensions where ${dimensions} were expected. Set dimensions to what the model has.`,
      { retryable: false },
    );
  }
  const vector = Float32Array.from(numbers);
  if (vector.length === 0 || !vector.every(Number.isFinite))
    throw invalid(server, "a vector is empty, or has a number that is too great");
  return vector;
}

function invalid({ baseUrl }: ModelServer, why: string): AdapterError {
  return new AdapterError("MODEL_ANSWER_INVALID", `What ${baseUrl} answers is no list of embeddings: ${why}.`);
}
