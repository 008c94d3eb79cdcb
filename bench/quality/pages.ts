import { existsSync, readFileSync } from "node:fs";

/** A page of documentation, and where its own marks say that its content is. */
export interface Page {
  readonly name: string;
  readonly html: string;
  /** A CSS selector. */
  readonly content: string;
}

const FISH = "/usr/share/doc/fish";
const NODE = "/usr/share/doc/nodejs/api";
const VALGRIND = "/usr/share/doc/valgrind/html";

const PAGES: readonly (readonly [file: string, content: string])[] = [
  [`${FISH}/cmds/set.html`, "div.body"],
  [`${FISH}/cmds/string.html`, "div.body"],
  [`${FISH}/tutorial.html`, "div.body"],
  [`${FISH}/fish_for_bash_users.html`, "div.body"],
  [`${FISH}/language.html`, "div.body"],
  [`${NODE}/dgram.html`, "#apicontent"],
  [`${NODE}/path.html`, "#apicontent"],
  [`${NODE}/url.html`, "#apicontent"],
  [`${NODE}/esm.html`, "#apicontent"],
  [`${VALGRIND}/mc-manual.html`, "div.chapter"],
  [`${VALGRIND}/quick-start.html`, "div.article"],
  [`${VALGRIND}/manual-core-adv.html`, "div.chapter"],
  ["/usr/share/doc/libxslt1-dev/gtk-doc/html/libxslt/libxslt-extensions.html", "div.refsynopsisdiv, div.refsect1"],
];

/**
 * Pages that packages of Debian ship (fish-common, nodejs, valgrind, libxslt1-dev): made by Sphinx, the tool of Node.js,
 * DocBook and gtk-doc. Those that are not installed are left out.
 */
export function documentationPages(): Page[] {
  return PAGES.flatMap(([file, content]) =>
    existsSync(file) ? [{ name: file.split("/").slice(-2).join("/"), html: readFileSync(file, "utf8"), content }] : [],
  );
}
