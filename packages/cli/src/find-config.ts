import { AmbiguousNameError, type Client } from "@millrace/client";
import type { ConfigSummary } from "@millrace/protocol";
import { UsageError } from "./exit-codes.ts";

/**
 * A config by its id, or by a name that only one has.
 * @throws ApiError (404), UsageError where several have the name
 */
export async function findConfig(client: Client, idOrName: string): Promise<ConfigSummary> {
  try {
    return await client.configs.find(idOrName);
  } catch (error) {
    if (error instanceof AmbiguousNameError) throw new UsageError(error.message);
    throw error;
  }
}
