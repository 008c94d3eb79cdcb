import { isLoopback, wantsCredentials } from "../access/open-access.ts";
import type { Settings } from "../settings.ts";

/** Who may come in, as a service with these settings would have it. */
export interface AccessLook {
  /** Whether the address to listen on is of this machine alone. */
  readonly isLocal: boolean;
  /** API keys: those that open something, and all that were made; null where the database cannot be asked. */
  readonly keys: { readonly live: number; readonly made: number } | null;
  /** What else opens something, by the names of the settings. */
  readonly others: readonly ("admin_key" | "oidc_issuer")[];
  /** Whether a credential is wanted; as if there were no API keys where that is not known. */
  readonly isOn: boolean;
}

/** @see AccessLook */
export async function lookAtAccess(settings: Settings, keys: AccessLook["keys"]): Promise<AccessLook> {
  const isLocal = await isLoopback(settings.host);
  const others = (["admin_key", "oidc_issuer"] as const).filter((name) => settings[name] !== null);
  // As for the service: the end of the last key opens nothing.
  const credentials = (keys?.made ?? 0) > 0 || others.length > 0;
  return { isLocal, keys, others, isOn: wantsCredentials(settings, { local: isLocal, credentials }) };
}
