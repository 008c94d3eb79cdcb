import { matchesWildcard } from "./crawl-scope.ts";
import { unifyEscapes } from "./crawl-url.ts";

/** What a site's robots.txt says to one robot. */
export interface RobotRules {
  isAllowed(url: string): boolean;
  /** The time between two requests that it asks for, in milliseconds; 0: none. */
  readonly delayMs: number;
}

/** Everything is allowed. */
export const ALLOW_ALL: RobotRules = { isAllowed: () => true, delayMs: 0 };

/** A site cannot ask for a longer time between two requests, in milliseconds. */
const MAX_DELAY_MS = 60_000;

/** A path that is longer, or has more wildcards, is none that somebody wrote; so are more paths with wildcards. */
const MAX_PATH = 512;
const MAX_WILDCARDS = 10;
const MAX_WILD_RULES = 200;

interface Rule {
  /** Ends with `*` unless it was anchored by `$`. */
  readonly pattern: string;
  /** The longest that matches counts. */
  readonly length: number;
  readonly allow: boolean;
}

interface Group {
  readonly rules: Rule[];
  delayMs: number;
}

/** The rules in a robots.txt for a robot of that name, in lower case (RFC 9309). */
export function rulesOf(text: string, robot: string): RobotRules {
  const groups = new Map<string, Group>();
  let named: Group[] = [];
  let isNaming = false;
  for (const line of text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/)) {
    // No expression for the whole of a line: what looks for its end tries every blank of a line of blanks.
    const [pair = ""] = line.split("#", 1);
    const colon = pair.indexOf(":");
    if (colon < 0) continue;
    const value = pair.slice(colon + 1).trim();
    const key = pair.slice(0, colon).trim().toLowerCase();
    switch (key) {
      case "user-agent": {
        // Agents one after the other share what follows; groups of one agent are one (2.2.1).
        if (!isNaming) named = [];
        isNaming = true;
        const name = value === "*" ? "*" : (/^[a-z_-]+/i.exec(value)?.[0] ?? "").toLowerCase();
        // Rules of others are not kept: thousands of names for thousands of rules would be millions of them.
        if (name !== robot && name !== "*") break;
        const group = groups.get(name) ?? { rules: [], delayMs: 0 };
        groups.set(name, group);
        if (!named.includes(group)) named.push(group);
        break;
      }
      case "allow":
      case "disallow": {
        isNaming = false;
        const rule = ruleOf(value, key === "allow");
        if (rule !== null) for (const { rules } of named) rules.push(rule);
        break;
      }
      case "crawl-delay":
        isNaming = false;
        for (const group of named) group.delayMs = delayOf(value);
    }
  }
  const found = groups.get(robot) ?? groups.get("*");
  return found === undefined ? ALLOW_ALL : toRules(found);
}

function toRules({ rules, delayMs }: Group): RobotRules {
  const isWild = ({ pattern }: Rule) => pattern.slice(0, -1).includes("*");
  const sorted = [...rules.filter((rule) => !isWild(rule)), ...rules.filter(isWild).slice(0, MAX_WILD_RULES)]
    // The longest first, and what allows before what does not (2.2.2).
    .sort((a, b) => b.length - a.length || Number(b.allow) - Number(a.allow));
  return {
    isAllowed(text) {
      const { pathname, search } = new URL(text);
      if (pathname === "/robots.txt") return true;
      const path = unifyEscapes(pathname + search);
      return sorted.find(({ pattern }) => matchesWildcard(pattern, path))?.allow ?? true;
    },
    delayMs,
  };
}

function ruleOf(value: string, allow: boolean): Rule | null {
  if (value === "" || value.length > MAX_PATH || value.split("*").length > MAX_WILDCARDS + 1) return null;
  const anchored = value.endsWith("$");
  const path = unifyEscapes(escapeOthers(anchored ? value.slice(0, -1) : value));
  return { pattern: anchored ? path : `${path}*`, length: path.length, allow };
}

/** What a URL cannot hold as it is, escaped as a URL has it. */
function escapeOthers(path: string): string {
  return path.replace(/[^\x21-\x7e]+/gu, (text) => encodeURIComponent(text.toWellFormed()));
}

function delayOf(value: string): number {
  const seconds = Number(value);
  return value !== "" && seconds > 0 ? Math.min(MAX_DELAY_MS, seconds * 1000) : 0;
}
