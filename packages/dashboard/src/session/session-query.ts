import { ApiError, type LoginMethod, type SessionView } from "@millrace/client";
import { queryOptions } from "@tanstack/react-query";
import { setCsrfToken, whenRefused, wholeClient } from "../client.ts";
import { queryClient } from "../query-client.ts";

/** How often it is looked whether a login is still good, in milliseconds. */
const LOOK_EVERY_MS = 60_000;

/** Who is logged in, and how one can log in. */
export interface SessionState {
  /** Null: nobody, and the service asks for a login. */
  readonly who: SessionView | null;
  readonly methods: readonly LoginMethod[];
}

/** Asks who is logged in: that nobody is, is an answer as well. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async (): Promise<SessionState> => {
    try {
      // Whatever project this browser has kept: it may be one of somebody who was here before.
      return take(await wholeClient.session.get());
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      setCsrfToken(null);
      return { who: null, methods: methodsOf(error.body) };
    }
  },
  staleTime: LOOK_EVERY_MS,
  refetchInterval: LOOK_EVERY_MS,
});

/** Takes over whoever has logged in. */
export function loggedIn(who: SessionView): void {
  queryClient.setQueryData(sessionQuery.queryKey, take(who));
  // What was refused before, and what somebody else was shown.
  void queryClient.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" });
}

/** Logs out, and forgets what was shown. @throws ApiError */
export async function logOut(): Promise<void> {
  await wholeClient.session.delete();
  await queryClient.cancelQueries();
  queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" });
  await queryClient.fetchQuery({ ...sessionQuery, staleTime: 0 });
}

whenRefused(() => {
  // Once is enough for all that were refused: nobody is logged in by then.
  if (queryClient.getQueryData(sessionQuery.queryKey)?.who === null) return;
  void queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey });
});

function take(who: SessionView): SessionState {
  setCsrfToken(who.csrf_token);
  return { who, methods: who.login_methods };
}

function methodsOf(body: unknown): readonly LoginMethod[] {
  if (typeof body !== "object" || body === null || !("login_methods" in body)) return [];
  // Of the service that these pages come from, as its schema has it.
  return Array.isArray(body.login_methods) ? (body.login_methods as LoginMethod[]) : [];
}
