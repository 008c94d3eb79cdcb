import type { Scope } from "@millrace/client";
import { useQuery } from "@tanstack/react-query";
import { sessionQuery } from "./session-query.ts";

/** From the least to the most: each includes those before it. */
export const SCOPES: readonly Scope[] = ["read", "run", "write", "admin"];

/** Whether whoever looks at the page may do what needs a scope; before that is known, it is taken to be so. */
export function useMay(scope: Scope): boolean {
  const { data } = useQuery(sessionQuery);
  if (data === undefined || data.who === null) return true;
  return data.who.scopes.some((has) => SCOPES.indexOf(has) >= SCOPES.indexOf(scope));
}

/** Why something that needs a scope is not to be had; null where it is. */
export function useLack(scope: Scope): string | null {
  const { data } = useQuery(sessionQuery);
  const may = useMay(scope);
  if (may) return null;
  const has = data?.who?.scopes.join(", ") ?? "";
  return `This needs the scope ${scope}; you have ${has === "" ? "none" : has}.`;
}
