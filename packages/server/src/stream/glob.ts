/**
 * Whether a path fits a glob: `*` is any text within a part, `?` one character, and a part `**` any number of parts.
 * Without any of these it is a path, or a folder that it is in. In time of the path's length times the glob's, whatever
 * they are: globs come from clients.
 */
export function matchesGlob(path: string, glob: string): boolean {
  const parts = path.split("/");
  const wanted = glob.replace(/\/+$/, "").split("/");
  if (!/[*?]/.test(glob)) return wanted.every((part, index) => part === parts[index]);
  return matches(parts, wanted, (part, pattern) => matches([...part], [...pattern], fitsOne, "*"), "**");
}

function fitsOne(character: string, pattern: string): boolean {
  return pattern === "?" || character === pattern;
}

/** Whether a sequence fits a pattern in which `many` stands for any number: the last one met takes more, as needed. */
function matches(
  sequence: readonly string[],
  pattern: readonly string[],
  fits: (item: string, pattern: string) => boolean,
  many: string,
): boolean {
  let at = 0;
  let atPattern = 0;
  let back: { at: number; atPattern: number } | null = null;
  while (at < sequence.length) {
    const wanted = pattern[atPattern];
    if (wanted === many) {
      back = { at, atPattern };
      atPattern += 1;
    } else if (wanted !== undefined && fits(sequence[at] ?? "", wanted)) {
      at += 1;
      atPattern += 1;
    } else if (back !== null) {
      back.at += 1;
      at = back.at;
      atPattern = back.atPattern + 1;
    } else return false;
  }
  while (pattern[atPattern] === many) atPattern += 1;
  return atPattern === pattern.length;
}
