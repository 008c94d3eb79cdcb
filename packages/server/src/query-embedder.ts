import { type AdapterEnvironment, embedQuery } from "@millrace/adapters";
import { AdapterError, type Collection, type ContentCache, cacheInProject } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";

/** A search that waits longer than this for a model is given up, in milliseconds. */
const PATIENCE_MS = 20_000;

/**
 * Makes vectors of what is searched for.
 * @throws MillraceError EMBEDDING_UNAVAILABLE, SEARCH_NOT_POSSIBLE
 */
export function queryEmbedder(
  cache: ContentCache,
  environment: Pick<AdapterEnvironment, "http" | "variable">,
): (collection: Collection, text: string) => Promise<number[]> {
  return async ({ name, project, embedding }, text) => {
    if (embedding === null) throw new MillraceError("SEARCH_NOT_POSSIBLE", `"${name}" has no model to search by.`);
    try {
      return await embedQuery(
        embedding,
        text,
        cacheInProject(cache, project),
        environment,
        AbortSignal.timeout(PATIENCE_MS),
      );
    } catch (error) {
      const why =
        error instanceof DOMException
          ? `${embedding.baseUrl} did not answer within ${PATIENCE_MS / 1000} s`
          : error instanceof Error
            ? error.message.replace(/\.$/, "")
            : String(error);
      const hopeless = error instanceof AdapterError && !error.retryable;
      throw new MillraceError(
        "EMBEDDING_UNAVAILABLE",
        `What is searched for cannot be embedded: ${why}. ${hopeless ? "Use" : "Try again shortly, or use"} the mode keyword.`,
        { cause: error },
      );
    }
  };
}
