import { MillraceError } from "@millrace/protocol";
import { shownUrl } from "./connection.ts";
import { messageOf, sqlState } from "./postgres-errors.ts";

/** What to do, by what the system or the server says. */
const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Start PostgreSQL there, or correct database_url.",
  ENOTFOUND: "Correct the host in database_url, or how its name is looked up.",
  EAI_AGAIN: "Correct the host in database_url, or how its name is looked up.",
  ECONNRESET: "Something closes the connection: check that it is PostgreSQL that answers there.",
  ETIMEDOUT: "Nothing answers there: check the host and the port in database_url, and firewalls on the way.",
  EHOSTUNREACH: "Nothing answers there: check the host and the port in database_url, and the network.",
  "28P01": "Correct the user or the password in database_url.",
  "28000": "Correct the user in database_url, or let it in (pg_hba.conf).",
  "3D000": "Create the database, or correct its name in database_url.",
  "42501": "Its user must be allowed to create tables there, as the owner of the database is.",
  "53300": "Raise max_connections of the server: each node takes a few connections.",
  "57P03": "The server is starting or stopping: try again shortly.",
};

const OTHERWISE = "Check database_url, and that PostgreSQL 15 or newer answers there.";

/** What the one who starts a node is told where its database cannot be used: what, where, why, and what to do. */
export function unreachable(url: string, error: unknown): MillraceError {
  if (error instanceof MillraceError) return error;
  const advice = ADVICE[codeOf(error) ?? ""] ?? OTHERWISE;
  return new MillraceError(
    "STORE_UNREACHABLE",
    `The database ${shownUrl(url)} cannot be used: ${messageOf(error)}. ${advice}`,
    { cause: error },
  );
}

/** The first code that an error, or what caused it, has. */
function codeOf(error: unknown): string | null {
  const state = sqlState(error);
  if (state !== null) return state;
  if (!(error instanceof Error)) return null;
  if ("code" in error && typeof error.code === "string") return error.code;
  if (error instanceof AggregateError) return error.errors.map(codeOf).find((code) => code !== null) ?? null;
  if (/timeout/i.test(error.message)) return "ETIMEDOUT";
  return codeOf(error.cause);
}

/** @throws MillraceError SETTING_INVALID */
export function checkUrl(url: string): void {
  let protocol = "";
  try {
    ({ protocol } = new URL(url));
  } catch {
    // Said below, without the URL: it may hold a password.
  }
  if (protocol === "postgres:" || protocol === "postgresql:") return;
  throw new MillraceError(
    "SETTING_INVALID",
    'database_url must be a URL of PostgreSQL, such as "postgres://user:password@host:5432/millrace". Characters of a password that a URL does not take are written as %XX.',
  );
}
