import { useQuery } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import { LoginPanel } from "./login-panel.tsx";
import { sessionQuery } from "./session-query.ts";

/** Where a sign-in at the identity provider leads that came to nothing; whoever is logged in goes on from here. */
export function LoginPage() {
  const { error = null, return_to: wanted = "/" } = useSearch({ from: "/login" });
  const { data } = useQuery(sessionQuery);
  const router = useRouter();
  const who = data?.who ?? null;
  useEffect(() => {
    if (who !== null) router.history.replace(ownPath(wanted));
  }, [who, wanted, router]);
  return <LoginPanel failure={error} returnTo={ownPath(wanted)} />;
}

/** A path of these pages: anything else would lead away from them. */
function ownPath(path: string): string {
  const url = URL.canParse(path, window.location.origin) ? new URL(path, window.location.origin) : null;
  if (url === null || url.origin !== window.location.origin || url.pathname.startsWith("/login")) return "/";
  return url.pathname + url.search + url.hash;
}
