/** What an adapter's page says beyond its schema. */
export interface AdapterNotes {
  readonly more?: string;
  /** The codes of its own that its failures have. */
  readonly errors: Readonly<Record<string, string>>;
}

/** What an object of rows may fail with. */
const ROW_OBJECT_ERRORS = {
  FIELD_MISSING: "The message has no such `field`. Not retried.",
  NOT_AN_ARRAY: "The `field` is not a list. Not retried.",
  OBJECT_EXISTS:
    "Another message of the run, or another payload of the same message, has written an object of that name. Not retried.",
  OBJECT_NAME_INVALID:
    "The name has empty, `.` or `..` parts, backslashes or control characters, or is too long. Not retried.",
  OBJECT_KEY_INVALID: "The whole key is too long, or the object would lie in a folder that is an object. Not retried.",
  OBJECT_STORE_UNAVAILABLE: "The object cannot be written at present: the disk is full, say.",
};

const ROW_OBJECTS =
  "The object is at `executions/{execution}/{route}/{stage}/{name}`, one for each message: nothing is ever added to an object, as a step that is done again after a crash would add its rows twice. A message that is taken again writes its object again, whole or not at all. Put `batch` on a route before, as in the example, and not into the same chain: the batch is then a message of its own, whose rows stay the same whatever happens, while one that is gathered anew after a crash may have others.";

/** What asking a model may fail with. */
const MODEL_ERRORS = {
  MODEL_RATE_LIMITED:
    "The server answered 429 `max_tries` times, or asks to be left alone for longer than `max_wait_seconds`.",
  MODEL_UNAVAILABLE: "The server cannot be reached, or answered 408, 425 or 5xx `max_tries` times.",
  MODEL_TIMEOUT: "No whole answer within `timeout_seconds`, `max_tries` times.",
  MODEL_ANSWER_INVALID: "What the server answers is not what the protocol says.",
  MODEL_ANSWER_TOO_LARGE: "The answer has more than `max_bytes`. Not retried.",
  MODEL_UNAUTHORIZED: "The server answered 401 or 403: the key is wrong, or there is none. Not retried.",
  MODEL_QUOTA_EXCEEDED: "The key's account has no quota left. Not retried.",
  MODEL_REFUSED: "The server answered another error of the 4xx, or leads elsewhere. Not retried.",
  ISOLATION_UNSUITABLE: "The step has `isolation: thread`. Not retried.",
};

const MODELS =
  "Any server that speaks OpenAI's protocol will do: OpenAI's own, vLLM, Ollama, llama.cpp, LiteLLM. The key comes from the environment that the service was started with, and stands in no config, event, log or error; where its variable is not set, a run is not started.\n\nAll runs share what a server bears: requests to it, by address and key, begin with 4 at once; after each round of answers one more goes, up to `max_in_flight`, and after a 429 half as many, after the time that `Retry-After` says, or half a second and then twice as long each time. 408, 425, 5xx, time-outs and broken connections are tried again here as well; all of it is time of the step, of which `timeout_seconds` of the route allows 300 seconds. Cancelling ends a request at once.\n\nWhat was used (requests, tokens, what the cache had, and the cost by your prices) stands in the [event](../events.md) that ends the attempt, and in the run's statistics. Answers are kept in the data directory, by all that they depend on, for all runs: up to the setting `model_cache_bytes`.";

/** By the adapter's type. */
export const adapterNotes: Readonly<Record<string, AdapterNotes>> = {
  batch: {
    more: "The messages that it holds take no slot of the route's `concurrency`. They are settled together, when what the batch gives rise to is committed: a crash before that gathers them anew. What a batch emits has the first of its messages as parent. A message whose pieces end in the middle of a batch closes that batch early.",
    errors: {},
  },
  chunk: {
    more: "By tokens and characters a text is cut between paragraphs where it can be, then between lines, sentences and words, and only then anywhere, but through no character; no piece has more than `size`. By sentences, pieces have just so many; they end by the rules of Unicode for the `locale`. `start` and `end` say where a piece stands in the text, in UTF-16 code units, as JavaScript counts; a character of a text by itself counts as one of them, or two beyond the first 65,536. A text of nothing but space gives no message. For Markdown use [`markdown_split`](markdown_split.md), which knows its headings.",
    errors: {
      TEXT_MISSING: "The message has no text in `field`. Not retried.",
      TEXT_TOO_LARGE: "The text has more than `max_bytes`. Not retried.",
    },
  },
  complete: {
    more: `${MODELS}\n\nWith \`schema\` the answer is taken as JSON, also out of a code block, and checked against the schema. One that does not fit is sent back to the model once, with what is wrong. Both are paid for, and counted.`,
    errors: {
      ...MODEL_ERRORS,
      COMPLETION_CUT: "The answer was cut at `max_tokens`. Not retried.",
      COMPLETION_REFUSED: "The model, or a filter of its server, refused to answer. Not retried.",
      OUTPUT_INVALID: "The answer does not fit the `schema`, nor does the mended one.",
      PROMPT_TOO_LARGE: "The prompt has more than `max_prompt_characters`. Not retried.",
    },
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
  csv_write: {
    more: `${ROW_OBJECTS} A field that is missing or null is an empty cell; \`true\`, lists and objects are written as JSON. Fields that are not in \`columns\` are left out; name the columns where all objects are to have the same.`,
    errors: { ...ROW_OBJECT_ERRORS, ROW_INVALID: "A row is not an object. Not retried." },
  },
  dedupe: {
    more: "With `mode: exact` keys are compared by their SHA-256, and remembered in memory for as long as the run goes on in one process. A message that is taken again, after a failure or a crash, is never dropped for its own sake. After a restart what went by is forgotten: a message that is the same as one from before goes on once more. So at least one of each key goes on, and exactly one where the service is not restarted; a sink that must have one alone goes by a key as well, as `sql_upsert` does. Where the first of a key fails for good, those after it were dropped already: retry it.\n\nWith `mode: near` the key is a text, and those are the same that share enough of their words, three in a row, in any case and whatever stands between them (MinHash of 128 numbers, in bands). Measured on 1,200 pairs made for it: of pairs whose similarity was more than 0.1 above the threshold at most 2 % were missed, of those more than 0.12 below at most 1 % taken for the same. Which of several like ones goes on is the one that comes first: keep the route's `concurrency` at 1, and those before it, where each run is to keep the same.",
    errors: {
      DEDUPE_FULL: "`max_keys` are remembered, and another comes. Not retried.",
      ISOLATION_UNSUITABLE: "The step has `isolation: thread`, and would remember in each thread alone. Not retried.",
    },
  },
  delay: {
    errors: {},
  },
  embed: {
    more: `${MODELS}\n\nThe engine holds messages until there are \`batch_size\`, or the first has waited \`batch_seconds\`; they take no slot of the route's \`concurrency\` meanwhile, and each goes on by itself, with its own vector, in their order. They are settled together: where one has no text, all fail, unless \`broken_to\` names a route for such. Of a batch that fails, what was embedded is in the cache, and is not paid for again. A vector's numbers have seven digits, as many as a 32-bit float holds.`,
    errors: {
      ...MODEL_ERRORS,
      TEXT_MISSING: "A message has no text in `field`, or one of more than 1,000,000 characters. Not retried.",
      DIMENSIONS_MISMATCH: "A vector has not as many numbers as `dimensions` says, or as the others. Not retried.",
    },
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
    more: '`headers` are by lower-case name, each a text; `set-cookie` is a list. A name and password in the URL are sent as basic authorization. Errors show the URL without them and without its query.\n\nTo post JSON made of the message, write an object as an expression, and give the receiver a key by which it knows a request that comes again after a retry or a crash: `message_id` is the same for every attempt. Where a step before it in the chain makes several payloads of a message, they share the id: put this step on a route of its own.\n\n```yaml\nversion: "1.0"\nroutes:\n  post:\n    adapters:\n      - type: http_request\n        config:\n          url: https://example.org/orders\n          method: POST\n          headers:\n            content-type: application/json\n            authorization: "Bearer ${secret:ORDERS_TOKEN}"\n            idempotency-key: "${message_id}"\n          body: \'${ {"order": id, "lines": lines} }\'\ninit_message: { route: post, payload: { id: 7, lines: [] } }\n```',
    errors: {
      HTTP_STATUS: "The answer's status is 400 or more. 408, 425, 429 and 5xx are retried, the others are not.",
      HTTP_TIMEOUT: "No whole answer within `timeout_seconds`.",
      HTTP_FAILED: "The request could not be made, or the connection broke.",
      HTTP_BODY_TOO_LARGE: "The body has more than `max_bytes`. Not retried.",
      URL_INVALID: "The URL is no http or https URL. Not retried.",
      HEADER_INVALID: "A header cannot be sent. Not retried.",
    },
  },
  index: {
    more: "A collection is there once something is put into it, and is searched with [`GET /api/v1/search`](../guides/search.md), `millrace search` and the dashboard. The documents of a message are put there in one transaction: all of them or none. A message that is taken again puts the same documents there by the same ids, so that each is there once: give an `id` that the document has in every run, and a run again replaces what the one before has put there. What a run does not bring any more stays; delete the collection first where that matters.\n\nA payload with `object_key`, as `store_write` adds it, is linked to its object. Put `batch` on a route before where there are many documents: a transaction for each takes most of the time.",
    errors: {
      FIELD_MISSING: "The message has no such `field`. Not retried.",
      NOT_AN_ARRAY: "The `field` is not a list. Not retried.",
      DOCUMENT_INVALID: "A document is not an object. Not retried.",
      TEXT_MISSING: "A document has no text in `text`. Not retried.",
      DOCUMENT_TOO_LARGE: "A document has more than 1,000,000 characters, or 64 KiB of metadata. Not retried.",
      VECTOR_INVALID:
        "A vector is no list of numbers, has other dimensions than the collection's, or no direction. Not retried.",
      COLLECTION_MISMATCH: "The collection is there with another `language`. Not retried.",
      SEARCH_UNAVAILABLE: "The collections cannot be written at present: the disk is full, say.",
      SEARCH_NOT_AVAILABLE: "The service has no collections. Not retried.",
      ISOLATION_UNSUITABLE: "The step has `isolation: thread`. Not retried.",
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
  jsonl_write: {
    more: `${ROW_OBJECTS} A row may be any JSON value.`,
    errors: ROW_OBJECT_ERRORS,
  },
  language_detect: {
    more: "The languages are those of [ELD](https://github.com/nitotm/efficient-language-detector-js), by the frequency of groups of letters in the first 20,000 characters. Measured on 1,783 sentences of 20 to 300 characters, the Universal Declaration of Human Rights in 30 languages: 97.7 % right, against 91.6 % of tinyld and 82.2 % of franc-min; franc, 98.4 %, is made of that very text and takes four times as long. Vietnamese and Norwegian are missed the most. `only_reliable` leaves out one sentence in fifty.",
    errors: { TEXT_MISSING: "The message has no text in `field`. Not retried." },
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
  sql_upsert: {
    more: "The rows of a message are written in one transaction: all of them or none. A message that is taken again after a crash or a retry writes the same rows by the same keys, so that each is there once. With several messages in flight at once, an older one that is taken again may come after a newer one of the same key: `newest_by` keeps the newer row. A field that is missing is null, one that is not in `columns` is left out; `integer` and `real` take texts that are such numbers, as CSV has them. Statements are short and give way to other work, but a slow disk holds the service up at each commit: set `isolation: thread` then. Millrace's own database is refused.",
    errors: {
      FIELD_MISSING: "The message has no such `field`. Not retried.",
      NOT_AN_ARRAY: "The `field` is not a list. Not retried.",
      ROW_INVALID: "A row is not an object. Not retried.",
      KEY_MISSING: "A row has no value for a column of the key. Not retried.",
      VALUE_INVALID: "A value is none that the column takes. Not retried.",
      ROW_REJECTED: "A constraint of the table refuses a row. Not retried.",
      TABLE_MISMATCH: "The table, a column or a unique index on the key is not there. Not retried.",
      DATABASE_NOT_FOUND: "There is no such file, or no such folder. Not retried.",
      DATABASE_INVALID: "The file is no database, is damaged, or is Millrace's own. Not retried.",
      DATABASE_BUSY: "Another process has held the database for `wait_seconds`.",
      DATABASE_UNAVAILABLE: "The database cannot be written at present: the disk is full, say.",
      PATH_OUTSIDE_ROOT: "The file is not in the folder that the service was started in. Not retried.",
    },
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
  throttle: {
    more: "It counts within one step of one run, and begins anew after a restart. Turns are given out in the order in which messages get there. One that waits takes a slot of the route's `concurrency`, and its wait is time of the step: keep `concurrency` divided by `per_second` well under `timeout_seconds`. With `key`, messages of a busy key can take all slots: set `concurrency` higher than the messages of one key that wait. Cancelling ends each wait at once.",
    errors: {
      ISOLATION_UNSUITABLE: "The step has `isolation: thread`, and would count in each thread alone. Not retried.",
    },
  },
};
