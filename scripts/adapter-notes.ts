/** What an adapter's page says beyond its schema. */
export interface AdapterNotes {
  readonly more?: string;
  /** The codes of its own that its failures have. */
  readonly errors: Readonly<Record<string, string>>;
}

/** By the adapter's type. */
export const adapterNotes: Readonly<Record<string, AdapterNotes>> = {
  batch: {
    more: "The messages that it holds take no slot of the route's `concurrency`. They are settled together, when what the batch gives rise to is committed: a crash before that gathers them anew. What a batch emits has the first of its messages as parent. A message whose pieces end in the middle of a batch closes that batch early.",
    errors: {},
  },
  csv_rows: {
    more: "The file is read and sent a piece at a time: files of any size take the same memory. `path` is relative to the message's `root`, as for [`read_file`](read_file.md). Rows are counted from 1, without the header and empty lines. A row with too many or too few values, bytes of another encoding, or a quote that is wrong or never closed is broken: it costs that line alone. `broken_to` gets it with its number, its line in the file, and the first 1000 characters; else how many there were is logged.",
    errors: {
      CSV_HEADER_INVALID: "The header names a column twice, or as `number_field`, or is no text. Not retried.",
      FIELD_MISSING: "The message has no text in `field`. Not retried.",
      FILE_TOO_LARGE: "The file has more than `max_bytes`. Not retried.",
      FILE_NOT_FOUND: "There is no such file. Not retried.",
      FILE_UNREADABLE: "The file cannot be opened, or is a folder, pipe or device.",
      PATH_MISSING: "The message has no text in `path`, and `field` is not set. Not retried.",
      PATH_OUTSIDE_ROOT: "The path leaves its root. Not retried.",
      TOO_MANY_BROKEN_ROWS:
        "More rows than `max_broken` cannot be read; or none can, and `broken_to` is not set. Not retried; rows that were sent before go on.",
    },
  },
  delay: {
    errors: {},
  },
  fail: {
    more: "`exit` ends the whole process, and `allocate` brings it down: they are for trying what a restart does.",
    errors: { TEST_FAILURE: "The default of `code`." },
  },
  files: {
    more: "Files come in the order of their names, folder by folder. What is hidden is found only where a pattern names it, as `.github/**`; links are left out unless `follow_links` is set; what cannot be read is logged and left out.",
    errors: { ROOT_NOT_FOUND: "`root` is no folder that can be read. Not retried." },
  },
  filter: {
    errors: {},
  },
  generate: {
    errors: {},
  },
  html_extract: {
    more: "The main content is found as the reader view of Firefox finds it, with [Readability](https://github.com/mozilla/readability): menus, footers and scripts are left out, and a heading that repeats the title. The field that held the page is taken out of the message. `html` is not sanitised: do not show it without doing so. `links` are `{url, text}`, each URL once. Times are in ISO 8601, in UTC; what a page does not say is null. What it takes to parse a page holds up all else in the service's thread: some milliseconds for most pages, seconds for one of megabytes. Set [`isolation: thread`](../pipeline.md#isolation) where pages come from strangers.",
    errors: {
      HTML_MISSING: "There is no HTML in that field, or it is no text. Not retried.",
      HTML_TOO_LARGE: "The HTML has more than `max_bytes`. Not retried.",
      HTML_INVALID: "The HTML is nested too deeply, or cannot be read. Not retried.",
      BASE_URL_INVALID: "`base_url` is no http or https URL. Not retried.",
      SELECTOR_INVALID: "`selector` is no CSS selector. Not retried.",
      CONTENT_MISSING: "The page has no element that `selector` matches. Not retried.",
    },
  },
  html_to_markdown: {
    more: "The Markdown is CommonMark with GitHub's tables; the field that held the HTML is taken out of the message. Scripts, what is hidden, pictures without a URL of their own, and signs that only link to their heading are left out. What it takes to parse a page holds up all else in the service's thread: some milliseconds for most pages, seconds for one of megabytes. Set [`isolation: thread`](../pipeline.md#isolation) where pages come from strangers.",
    errors: {
      HTML_MISSING: "There is no HTML in that field, or it is no text. Not retried.",
      HTML_TOO_LARGE: "The HTML has more than `max_bytes`. Not retried.",
      HTML_INVALID: "The HTML is nested too deeply, or cannot be read. Not retried.",
      BASE_URL_INVALID: "`base_url` is no http or https URL. Not retried.",
    },
  },
  http_request: {
    more: "`headers` are by lower-case name, each a text; `set-cookie` is a list. A name and password in the URL are sent as basic authorization. Errors show the URL without them and without its query.",
    errors: {
      HTTP_STATUS: "The answer's status is 400 or more. 408, 425, 429 and 5xx are retried, the others are not.",
      HTTP_TIMEOUT: "No whole answer within `timeout_seconds`.",
      HTTP_FAILED: "The request could not be made, or the connection broke.",
      HTTP_BODY_TOO_LARGE: "The body has more than `max_bytes`. Not retried.",
      URL_INVALID: "The URL is no http or https URL. Not retried.",
      HEADER_INVALID: "A header cannot be sent. Not retried.",
    },
  },
  json_transform: {
    more: "A value that is no object becomes `{value}`; an array gives one message per element; an expression that selects nothing gives none.",
    errors: {},
  },
  jsonl_rows: {
    more: "The file is read and sent a piece at a time: files of any size take the same memory. `path` is relative to the message's `root`, as for [`read_file`](read_file.md). The number of a row is that of its line, from 1; empty lines are left out. A line that is no JSON, too long, or has bytes of another encoding is broken, and the others are read. `broken_to` gets it with the first 1000 characters; else how many there were is logged.",
    errors: {
      FIELD_MISSING: "The message has no text in `field`. Not retried.",
      FILE_TOO_LARGE: "The file has more than `max_bytes`. Not retried.",
      FILE_NOT_FOUND: "There is no such file. Not retried.",
      FILE_UNREADABLE: "The file cannot be opened, or is a folder, pipe or device.",
      PATH_MISSING: "The message has no text in `path`, and `field` is not set. Not retried.",
      PATH_OUTSIDE_ROOT: "The path leaves its root. Not retried.",
      TOO_MANY_BROKEN_ROWS:
        "More rows than `max_broken` cannot be read; or none can, and `broken_to` is not set. Not retried; rows that were sent before go on.",
    },
  },
  log: {
    errors: {},
  },
  markdown_parse: {
    more: "`title` is that of the front matter, else the first heading of depth 1, else the first heading, else the file's name. Headings of quotations and footnotes do not count. `headings` are `{depth, text, line}`, `links` `{url, text, line}`, `code_blocks` `{lang, code, line}`.",
    errors: {
      TEXT_MISSING: "The message has no text in `text`. Not retried.",
      MARKDOWN_TOO_LARGE: "The text has more than `max_bytes`. Not retried.",
      MARKDOWN_INVALID: "The text cannot be parsed. Not retried.",
    },
  },
  markdown_split: {
    more: "Tokens are counted with the encoding `o200k_base`. A section that is too long is cut between paragraphs where it can, then between lines, sentences and words; a code block that fits stays whole. Each piece stands in the text as it is. Front matter is part of none. Of a message that was parsed, each section has its own `links` and `code_blocks`, and the document's `headings` are left out.",
    errors: {
      TEXT_MISSING: "The message has no text in `text`. Not retried.",
      MARKDOWN_TOO_LARGE: "A text that was not parsed before has more than `max_bytes`. Not retried.",
      MARKDOWN_INVALID: "The text cannot be parsed. Not retried.",
    },
  },
  read_file: {
    errors: {
      FILE_NOT_TEXT: "The file is not text in the given encoding. Not retried.",
      FILE_NOT_FOUND: "There is no such file. Not retried.",
      FILE_TOO_LARGE: "The file has more than `max_bytes`. Not retried.",
      FILE_UNREADABLE: "The file cannot be opened, or is a folder, pipe or device.",
      PATH_MISSING: "The message has no text in `path`. Not retried.",
      PATH_OUTSIDE_ROOT: "The path leaves its root. Not retried.",
    },
  },
  rss: {
    more: "`url` and the enclosures' URLs are whole: relative ones are resolved against the feed's own, or the message's `url`. `published_at` and `modified_at` are in ISO 8601, in UTC. `categories` is a list of texts, `enclosures` of `{url, type, bytes}`, `feed` is `{title, url, language}`. What a feed does not say is null. RSS 1.0 is read as well; JSON Feed is not. A large feed holds up all else in the service's thread while it is parsed: set [`isolation: thread`](../pipeline.md#isolation) for such.",
    errors: {
      TEXT_MISSING: "The message has no text in that field. Not retried.",
      FEED_TOO_LARGE: "The feed has more than `max_bytes`. Not retried.",
      FEED_INVALID: "It is no RSS or Atom, or not well formed. Not retried.",
    },
  },
  sitemap: {
    more: "It fetches nothing: `http_request` before it does, and `sitemaps_to` leads the sitemaps of an index back there, as `{url, modified_at, sitemap_depth}`. The answer may be packed with gzip. A sitemap that names itself, and what is no http or https URL, is left out and logged. `modified_at` is in ISO 8601, in UTC, or a date; what a sitemap does not say is null.",
    errors: {
      TEXT_MISSING: "The message has no text in that field. Not retried.",
      SITEMAP_INVALID: "It is no sitemap, not well formed, or cannot be unpacked. Not retried.",
      SITEMAP_TOO_LARGE: "The sitemap has more than `max_bytes` after decompression. Not retried.",
      SITEMAP_TOO_LONG: "The sitemap has more than `max_urls`. Not retried; those before go on.",
      SITEMAP_INDEX: "It is an index, and `sitemaps_to` is not set. Not retried.",
      SITEMAP_TOO_DEEP: "More than `max_depth` indexes lie above it. Not retried.",
    },
  },
  split: {
    errors: { NOT_AN_ARRAY: "The field is missing or holds something else. Not retried." },
  },
  store_write: {
    more: "An object is written whole or not at all; a message that is taken again writes the same key again.",
    errors: {
      OBJECT_NAME_INVALID:
        "The name has empty, `.` or `..` parts, backslashes, control characters or halves of characters, or is too long. Not retried.",
      FIELD_MISSING: "The message has no such `field`. Not retried.",
      OBJECT_KEY_INVALID:
        "The whole key is longer than 2048 bytes, or the object would lie in a folder that is another object. Not retried.",
      OBJECT_STORE_UNAVAILABLE: "The object cannot be written at present: the disk is full, say.",
    },
  },
  switch: {
    errors: {},
  },
};
