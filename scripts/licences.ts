/** Writes docs/licences.md: `node scripts/licences.ts`; a test holds it to package-lock.json. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Dependency, dependencies, type Use } from "./dependencies.ts";

/** Licences that ask for no more than to be named: whoever passes Millrace on passes their texts on with it. */
export const PERMISSIVE = [
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC0-1.0",
  "ISC",
  "MIT",
  "Unlicense",
  "Zlib",
];

/** What has another licence, and why it may: it is shipped to nobody, and nothing is built into what is. */
const EXCEPTIONS: Readonly<Record<string, { readonly license: string; readonly why: string }>> = {
  "axe-core": { license: "MPL-2.0", why: "checks pages in tests" },
  lightningcss: { license: "MPL-2.0", why: "writes the dashboard's CSS when it is built, and is not in it" },
};

/** Why a package may not be used; null where it may. */
export function objection({ name, license, use }: Dependency): string | null {
  if (isPermissive(license)) return null;
  const exception = EXCEPTIONS[name.replace(/^(lightningcss)-.*/, "$1")];
  if (exception?.license === license && use === "development") return null;
  return `${name} has the licence ${license}, which is none of ${PERMISSIVE.join(", ")}`;
}

/**
 * Whether an SPDX expression can be met with permissive licences alone: all sides of `AND`, one of `OR`, which binds weaker. What is
 * no expression, or has an exception (`WITH`), is not.
 */
export function isPermissive(expression: string): boolean {
  const words = expression.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const one = (): boolean => {
    const word = words[at++] ?? "";
    if (word !== "(") return PERMISSIVE.includes(word);
    const inner = either();
    return words[at++] === ")" && inner;
  };
  const all = (): boolean => {
    let met = one();
    while (words[at] === "AND") {
      at += 1;
      met = one() && met;
    }
    return met;
  };
  const either = (): boolean => {
    let met = all();
    while (words[at] === "OR") {
      at += 1;
      met = all() || met;
    }
    return met;
  };
  const met = either();
  return met && at === words.length;
}

const PARTS: readonly (readonly [use: Use, title: string, text: string])[] = [
  ["service", "In the service", "What runs on a server, and is in the image."],
  ["pages", "In the dashboard", "Built into the pages that browsers load."],
  ["development", "For development", "Builds, checks and tests; shipped to nobody."],
];

/** The page. */
export function licencePage(): string {
  const all = dependencies();
  const lines = [
    "# Licences",
    "",
    "Millrace is under the [Apache License 2.0](../LICENSE). What it stands on, by package-lock.json; each package has its text in",
    "`node_modules`, and in the image. A test refuses a package with a licence that is not one of",
    `${PERMISSIVE.join(", ")}.`,
    "",
    "Two kinds of exceptions have MPL-2.0, which asks for more only of whoever changes or ships their files. They are not shipped:",
    "",
    ...Object.entries(EXCEPTIONS).map(([name, { license, why }]) => `- \`${name}\` (${license}): ${why}.`),
  ];
  for (const [use, title, text] of PARTS) {
    const rows = [...new Set(all.filter((each) => each.use === use).map(row))].toSorted();
    lines.push(
      "",
      `## ${title}`,
      "",
      `${text} ${rows.length} packages.`,
      "",
      "| package | version | licence |",
      "|---|---|---|",
      ...rows,
    );
  }
  return `${lines.join("\n")}\n`;
}

function row({ name, version, license }: Dependency): string {
  return `| ${name} | ${version} | ${license} |`;
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, "..", "docs", "licences.md"), licencePage());
