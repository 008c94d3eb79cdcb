import { distance } from "fastest-levenshtein";
import { shorten } from "./path.ts";

/** Bounds on the work for one suggestion: names compared, and their length. */
const MOST_NAMES = 1000;
const LONGEST_NAME = 128;
/** With fewer characters, too much begins with them. */
const SHORTEST_BEGINNING = 3;
/** Lists longer than this are not shown whole. */
const SHORT_LIST = 12;

/** The known name that is most like `name`, or else begins with it; null where there is none. */
export function nearestName(name: string, known: Iterable<string>): string | null {
  if (name.length > LONGEST_NAME) return null;
  // Two letters in the wrong order count as two changes, also in a short name.
  const allowed = name.length < 3 ? 1 : Math.max(2, Math.min(3, Math.floor(name.length * 0.4)));
  const wanted = plain(name);
  let best: string | null = null;
  let longer: string | null = null;
  let bestDistance = allowed + 1;
  let compared = 0;
  for (const candidate of known) {
    compared += 1;
    if (compared > MOST_NAMES) break;
    if (longer === null && name.length >= SHORTEST_BEGINNING && candidate.startsWith(name)) longer = candidate;
    if (Math.abs(candidate.length - name.length) > allowed) continue;
    const found = plain(candidate) === wanted ? 0 : distance(name.toLowerCase(), candidate.toLowerCase());
    if (found < bestDistance) {
      best = candidate;
      bestDistance = found;
    }
  }
  return best ?? longer;
}

/** What to do about an unknown name: the nearest known one, else all of them where they are few, else null. */
export function suggestName(name: string, known: readonly string[], what: string): string | null {
  const nearest = nearestName(name, known);
  if (nearest !== null) return `Did you mean "${nearest}"?`;
  if (known.length === 0 || known.length > SHORT_LIST) return null;
  return `Known ${what}: ${known.map((each) => shorten(each, LONGEST_NAME)).join(", ")}.`;
}

/** Case and separators are what people get wrong first. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, "");
}
