/** A document that its main content can be found in. */
export interface HtmlDocument {
  /**
   * The HTML of the elements that a CSS selector matches, in the order of the text; one within another once.
   * @throws Error where the selector cannot be read
   */
  select(selector: string): string[];
  readonly dom: object;
}

/** What a reader would be shown of a page, and what the search for it learned. */
export interface MainContent {
  readonly html: string;
  readonly title: string | null;
  readonly author: string | null;
  readonly publishedAt: string | null;
}

/** The few members of a DOM that are used here; those of its types need the library of a browser. */
interface Dom {
  readonly body: { readonly innerHTML: string } | null;
  querySelectorAll(selector: string): Iterable<{ readonly outerHTML: string; contains(other: object): boolean }>;
}

interface Article {
  readonly [name: string]: unknown;
}

/** Makes a document of HTML that is well formed. */
export async function htmlDocument(html: string): Promise<HtmlDocument> {
  const { parseHTML } = await import("linkedom");
  // The library types its result as a browser's window; the document in it has these members.
  const { document: dom } = parseHTML(html) as unknown as { document: Dom };
  return {
    dom,
    select(selector) {
      const found = [...dom.querySelectorAll(selector)];
      const outer: typeof found = [];
      for (const element of found) if (!outer.some((each) => each.contains(element))) outer.push(element);
      return outer.map((element) => element.outerHTML);
    },
  };
}

/** Finds the main content; the whole body where nothing stands out. The document is used up. */
export async function mainContent({ dom }: HtmlDocument): Promise<MainContent> {
  const { Readability } = await import("@mozilla/readability");
  // It is the document that htmlDocument made.
  const { body } = dom as Dom;
  const whole = body?.innerHTML ?? "";
  const options = { keepClasses: true, charThreshold: 250 };
  // The types of the library are those of a browser's document.
  const article = new Readability(dom as never, options).parse() as Article | null;
  return {
    html: textOf(article?.content) ?? whole,
    title: textOf(article?.title),
    author: textOf(article?.byline),
    publishedAt: textOf(article?.publishedTime),
  };
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}
