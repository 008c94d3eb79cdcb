import { resolve } from "node:path";
import { type ApiKeyWithSecret, MillraceError } from "@millrace/protocol";
import { openKeyStore } from "@millrace/stores";
import { v7 } from "uuid";
import type { Settings } from "../settings.ts";
import { ManageKeys, type WantedKey } from "./manage-keys.ts";
import { ANYONE } from "./principal.ts";

/**
 * Makes an API key where a service keeps them, without the service: whoever can write there may.
 * @throws MillraceError DATA_DIR_IN_USE, DATA_DIR_UNUSABLE, STORE_UNREACHABLE
 */
export async function makeKey(
  { data_dir: dataDir, database_url: databaseUrl }: Pick<Settings, "data_dir" | "database_url">,
  wanted: WantedKey,
): Promise<ApiKeyWithSecret> {
  const store = await openKeyStore(databaseUrl === null ? { dataDir: resolve(dataDir) } : { databaseUrl }).catch(
    (error) => {
      throw error instanceof MillraceError && error.code === "DATA_DIR_IN_USE"
        ? new MillraceError(
            "DATA_DIR_IN_USE",
            `A service works on ${dataDir}. Ask it for the key: leave out --data-dir, and give --url and a key of the scope admin; or stop it first.`,
            { cause: error },
          )
        : error;
    },
  );
  try {
    const keys = new ManageKeys({
      apiKeys: store.apiKeys,
      clock: { now: Date.now },
      ids: { uuid: v7 },
      changed: () => {},
    });
    const by = { ...ANYONE, name: "the command line" };
    const made = await keys.create(by, wanted);
    await store.auditLog.append([
      {
        ...{ id: v7(), at: Date.now(), actor: { kind: "command", id: "command-line", name: by.name }, count: 1 },
        ...{ action: "key.create", target: { kind: "key", id: made.id }, project: made.project },
        // As of the request that it would have been.
        ...{ outcome: "allowed", status: 201, requestId: v7(), address: null },
      },
    ]);
    return made;
  } finally {
    await store.close();
  }
}
