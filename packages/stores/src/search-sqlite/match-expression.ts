import type { QueryTerm, QueryWords } from "../search/query-words.ts";

/** What is searched for as FTS5 reads it: each term is quoted, so that nothing in it is an operator. */
export function matchExpression({ terms, excluded }: QueryWords, every: boolean): string | null {
  if (terms.length === 0) return null;
  const wanted = terms.map(quoted).join(every ? " AND " : " OR ");
  return excluded.length === 0 ? wanted : `(${wanted}) NOT (${excluded.map(quoted).join(" OR ")})`;
}

function quoted({ text, prefix }: QueryTerm): string {
  return `"${text.replaceAll('"', '""')}"${prefix ? "*" : ""}`;
}
