/** White space, comments, brackets and semicolons before a statement's first word. Comments may hold comments. */
const BEFORE = /[\s(;]+|--[^\r\n]*|\/\*/y;

/** Where the first word of a statement is; the length of the text where there is none. */
export function firstWord(sql: string): number {
  let at = 0;
  while (true) {
    BEFORE.lastIndex = at;
    const [found] = BEFORE.exec(sql) ?? [];
    if (found === undefined) return at;
    at = found === "/*" ? endOfComment(sql, at + 2) : at + found.length;
  }
}

function endOfComment(sql: string, from: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = from;
  for (let open = 1; open > 0; ) {
    const [found] = mark.exec(sql) ?? [];
    if (found === undefined) return sql.length;
    open += found === "/*" ? 1 : -1;
  }
  return mark.lastIndex;
}
