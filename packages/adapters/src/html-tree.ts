import type { Element, ElementContent, Nodes, Root, RootContent } from "hast";
import { httpUrl } from "./html-source.ts";

/** Attributes that hold one URL. */
const URL_ATTRIBUTES = ["href", "src", "cite", "poster"] as const;

/** What is never content. */
const NO_CONTENT = new Set(["script", "style", "noscript", "template", "object", "embed"]);

/** How pages mark the language of a code block, besides the standard's `language-…`. */
const LANGUAGE_CLASSES = [/^lang(?:uage)?-(\S+)$/, /^highlight-source-(\S+)$/, /^highlight-(\S+)$/];
const LANGUAGE_ATTRIBUTES = ["dataLanguage", "dataLang", "lang"];

/** Classes of highlighters that look like a language, and words beside one. */
const NO_LANGUAGE = new Set(["none", "text-plain", "source", "wrapper", "default", "notranslate", "hljs"]);

/** What stands in a heading only to be clicked on. */
const PERMALINK = /^[\s#¶§†🔗​]*$/u;

/**
 * Changes a tree to what is worth converting; links become absolute where `base` is known. `keepData`: whether JSON-LD,
 * which describes the page, stays.
 */
export function cleanTree(tree: Root, base: URL | null, { keepData = false } = {}): void {
  const own = baseOf(tree, base);
  walk(tree, (node, parent) => {
    if (node.type === "root") node.children = node.children.filter((child) => child.type !== "comment");
    if (node.type !== "element") return;
    node.children = node.children.filter((child) => (keepData && isData(child)) || !isDropped(child, node));
    for (const name of URL_ATTRIBUTES) {
      const value = node.properties[name];
      if (typeof value === "string") node.properties[name] = resolveUrl(value, own);
    }
    if (node.tagName === "pre") markLanguage(node, parent);
  });
}

/** The links of a tree, each URL once, in the order of the text; those that lead elsewhere than to a page are left out. */
export function linksOf(tree: Root): { url: string; text: string }[] {
  const links = new Map<string, { url: string; text: string }>();
  walk(tree, (node) => {
    if (node.type !== "element" || (node.tagName !== "a" && node.tagName !== "area")) return;
    const { href, alt } = node.properties;
    if (typeof href !== "string" || href === "" || href.startsWith("#") || isOtherScheme(href)) return;
    const text = lineOf(node) || (typeof alt === "string" ? alt : "");
    const known = links.get(href);
    if (known === undefined) links.set(href, { url: href, text });
    else if (known.text === "") known.text = text;
  });
  return [...links.values()];
}

/** Calls `visit` for every node, parents first. A stack instead of recursion: pages may be nested as deep as they like. */
export function walk(root: Root, visit: (node: Root | RootContent, parent: Root | RootContent | null) => void): void {
  const stack: { node: Root | RootContent; parent: Root | RootContent | null }[] = [{ node: root, parent: null }];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { node, parent } = next;
    visit(node, parent);
    if (!("children" in node)) continue;
    for (let index = node.children.length - 1; index >= 0; index -= 1) {
      const child = node.children[index];
      if (child !== undefined) stack.push({ node: child, parent: node });
    }
  }
}

/** The first element of the name, in the order of the text. */
export function findFirst(tree: Root, tagName: string): Element | undefined {
  const stack: Nodes[] = [tree];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.type === "element" && node.tagName === tagName) return node;
    if ("children" in node) stack.push(...node.children.toReversed());
  }
  return undefined;
}

/** What the page's links are relative to: its `base` element, else its own URL. */
export function baseOf(tree: Root, base: URL | null): URL | null {
  const href = findFirst(tree, "base")?.properties.href;
  return typeof href === "string" ? (httpUrl(href, base) ?? base) : base;
}

function isData(node: ElementContent): boolean {
  return node.type === "element" && node.tagName === "script" && node.properties.type === "application/ld+json";
}

function isDropped(node: ElementContent, parent: Element): boolean {
  if (node.type === "comment") return true;
  if (node.type !== "element") return false;
  if (NO_CONTENT.has(node.tagName) || node.properties.hidden === true) return true;
  if (/^h[1-6]$/.test(parent.tagName) && node.tagName === "a" && !hasImage(node) && PERMALINK.test(lineOf(node)))
    return true;
  // Pictures in the page itself: a text has no use for their bytes.
  return node.tagName === "img" && /^data:/i.test(String(node.properties.src ?? "")) && !node.properties.alt;
}

function hasImage(node: Element): boolean {
  return node.children.some((child) => child.type === "element" && (child.tagName === "img" || hasImage(child)));
}

/** A link within the page stays one; what is no URL stays as it is. */
function resolveUrl(value: string, base: URL | null): string {
  const url = value.trim();
  if (/^data:/i.test(url)) return "";
  if (url === "" || url.startsWith("#") || base === null) return url;
  return URL.parse(url, base)?.href ?? url;
}

function isOtherScheme(href: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(href) && !/^https?:/i.test(href);
}

/** Gives the block's code the class that the standard names, wherever the page says its language. */
function markLanguage(pre: Element, parent: Root | RootContent | null): void {
  let code = pre.children.find((child) => child.type === "element" && child.tagName === "code");
  const around = parent !== null && parent.type === "element" && parent.tagName === "div" ? [parent] : [];
  const named = [...(code?.type === "element" ? [code] : []), pre, ...around].map(languageOf);
  const language = named.find((each) => each !== null);
  if (code === undefined) {
    code = { type: "element", tagName: "code", properties: {}, children: pre.children };
    pre.children = [code];
  }
  if (code.type === "element" && language !== undefined) code.properties.className = [`language-${language}`];
}

function languageOf({ properties }: Element): string | null {
  const classes = Array.isArray(properties.className) ? properties.className.map(String) : [];
  for (const pattern of LANGUAGE_CLASSES) {
    for (const name of classes) {
      const found = pattern.exec(name)?.[1];
      if (found !== undefined && !NO_LANGUAGE.has(found)) return found;
    }
  }
  for (const name of LANGUAGE_ATTRIBUTES) {
    const value = properties[name];
    if (typeof value === "string" && /^[\w+#.-]+$/.test(value)) return value;
  }
  // Highlight.js and Pandoc put the bare name beside a word of their own.
  const word = classes.findIndex((name) => name === "hljs" || name === "sourceCode" || name === "brush:");
  const bare =
    word < 0 ? undefined : classes.find((name) => /^[a-z][\w+#]*$/i.test(name) && !/^(?:hljs|sourceCode)$/.test(name));
  return bare ?? null;
}

/** An element's text on one line. */
export function lineOf(element: Element): string {
  let text = "";
  walk({ type: "root", children: [element] }, (node) => {
    if (node.type === "text") text += node.value;
  });
  return text.replace(/\s+/g, " ").trim();
}
