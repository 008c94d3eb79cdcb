import { ApiError, type Client } from "@millrace/client";
import type { ConfigSummary } from "@millrace/protocol";
import { UsageError } from "./exit-codes.ts";

const PAGE = 1000;

/**
 * A config by its id, or by a name that only one has.
 * @throws ApiError (404), UsageError where several have the name
 */
export async function findConfig(client: Client, idOrName: string): Promise<ConfigSummary> {
  try {
    return await client.configs.get(idOrName);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    const named = await allNamed(client, idOrName);
    const [first, second] = named;
    if (first === undefined) throw error;
    if (second === undefined) return first;
    throw new UsageError(
      `${named.length} configs are named "${idOrName}"; use an id: ${named.map((config) => config.id).join(", ")}`,
    );
  }
}

async function allNamed(client: Client, name: string): Promise<ConfigSummary[]> {
  const found: ConfigSummary[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const page = await client.configs.list({ limit: PAGE, offset });
    found.push(...page.configs.filter((config) => config.name === name));
    if (!page.has_more) return found;
  }
}
