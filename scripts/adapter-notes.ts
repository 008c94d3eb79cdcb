/** What an adapter's page says beyond its schema. */
export interface AdapterNotes {
  readonly more?: string;
  /** The codes of its own that its failures have. */
  readonly errors: Readonly<Record<string, string>>;
}

/** What a request over HTTP may fail with, beside its status. */
const HTTP_ERRORS = {
  HTTP_TIMEOUT: "No whole answer within `timeout_seconds`.",
  HTTP_FAILED: "The request could not be made, or the connection broke.",
  HTTP_HOST_PAUSED:
    "The host asked to be left alone (429, 503) for longer than `timeout_seconds`. Not tried again before that time is over.",
  HTTP_ADDRESS_REFUSED:
    "The host leads to an address of this machine or of a private network, and is not in the setting `http_allow_hosts`. Not retried.",
  HTTP_REDIRECT_INVALID: "More redirects than are followed, or one to what is no http or https URL. Not retried.",
  HTTP_BODY_TOO_LARGE: "The body has more than `max_bytes`. Not retried.",
  HTTP_HEADERS_TOO_LARGE: "The head of the answer has more than 64 KiB. Not retried.",
  HTTP_ENCODING_INVALID: "The body is not packed as it says. Not retried.",
};

/** What a request to a bucket may fail with. */
const S3_ERRORS = {
  S3_NOT_FOUND: "There is no such bucket, or no such object. Not retried.",
  S3_REFUSED: "The server refuses: the keys are wrong, or may not do this. Not retried.",
  S3_UNAVAILABLE: "The server cannot answer at present (`SlowDown`, 5xx).",
  HTTP_TIMEOUT: "No whole answer within `timeout_seconds`.",
  HTTP_FAILED: "The request could not be made, or the connection broke.",
  HTTP_HOST_PAUSED: "The server asked to be left alone for longer than `timeout_seconds`.",
  HTTP_ADDRESS_REFUSED:
    "The server has an address of this machine or of a private network, and is not in the setting `http_allow_hosts`. Not retried.",
};

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

/** What a document in a file, a field or an object may fail with. */
const DOCUMENT_ERRORS = {
  FIELD_MISSING: "The message has no text in `field` or `object_field`. Not retried.",
  FILE_NOT_FOUND: "There is no such file. Not retried.",
  FILE_TOO_LARGE: "The document has more than `max_bytes`. Not retried.",
  FILE_UNREADABLE: "The file cannot be opened, or is a folder, pipe or device.",
  OBJECT_NOT_FOUND: "There is no object of that key. Not retried.",
  PATH_MISSING: "The message has no text in `path`, and neither `field` nor `object_field` is set. Not retried.",
  PATH_OUTSIDE_ROOT: "The path leaves its root. Not retried.",
};

/** Where documents are read that nobody trusts. */
const DOCUMENT_THREADS =
  "The document is read in a thread of its own, which ends at once on cancel, and where the document takes more time or memory than it may: the service goes on meanwhile. As many are read at a time as the machine has cores but one, at most four; others wait.";

/** What PostgreSQL may answer. */
const POSTGRES_ERRORS = {
  DATABASE_REFUSED:
    "There is no such database or user, the password is wrong, or the database is one of Millrace itself. Not retried.",
  DATABASE_UNAVAILABLE: "The database cannot be reached, or has no room for another connection.",
  ROW_REJECTED: "The database refuses a value. Not retried.",
  SQL_INVALID: "The statement is none, or has not the parameters that it needs. Not retried.",
  SQL_TIMEOUT: "The database took too long.",
  TABLE_MISMATCH: "The table, or a column, is not there. Not retried.",
};
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
  HTTP_ADDRESS_REFUSED:
    "The server has an address of this machine or of a private network, and is not in the setting `http_allow_hosts`. Not retried.",
  ISOLATION_UNSUITABLE: "The step has `isolation: thread`. Not retried.",
};

const MODELS =
  "Any server that speaks OpenAI's protocol will do: OpenAI's own, vLLM, Ollama, llama.cpp, LiteLLM. One on this machine or in your own network has to be [allowed](../guides/fetching.md) by whoever runs the service, as `http_allow_hosts: [\"127.0.0.1:11434\"]`; redirects are not followed. The key comes from the environment that the service was started with, and stands in no config, event, log or error; where its variable is not set, a run is not started.\n\nAll runs of a process share what a server bears: requests to it, by address and key, begin with 4 at once; after each round of answers one more goes, up to `max_in_flight`, and after a 429 half as many, after the time that `Retry-After` says, or half a second and then twice as long each time. 408, 425, 5xx, time-outs and broken connections are tried again here as well; all of it is time of the step, of which `timeout_seconds` of the route allows 300 seconds. Cancelling ends a request at once.\n\nWhat was used (requests, tokens, what the cache had, and the cost by your prices) stands in the [event](../events.md) that ends the attempt, and in the run's statistics. Answers are kept in the data directory, by all that they depend on, for all runs: up to the setting `model_cache_bytes`.";

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
  docx_to_markdown: {
    more: `Headings are those of the document's styles (\`Heading 1\`, \`Title\`), whatever their letters look like. The first row of a table is its head. Footnotes and endnotes are numbered together, and stand at the end. Pictures, comments, headers and footers are left out. ${DOCUMENT_THREADS} Every part is unpacked once before, and counted, so that a small file cannot become a large one.`,
    errors: {
      DOCX_INVALID: "The document is no .docx, has a password, or is damaged: the message says what. Not retried.",
      DOCX_TOO_COMPLEX: "It took more than `max_seconds` or `max_memory_mb`. Not retried.",
      DOCX_TOO_LARGE: "Its parts are more than `max_unpacked_bytes`, or more than 10,000. Not retried.",
      ...DOCUMENT_ERRORS,
    },
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
  http_post: {
    more: `The key in \`idempotency_header\` is the message's id, the same for every attempt, and after a crash; where a step before it in the chain makes several payloads of a message, each has a key of its own. To send many messages at once, put \`batch\` on a route before, as in the example, and send \`items\`. \`auth\` is as of [\`http_request\`](http_request.md). Redirects are not followed. What the server answers is read up to \`max_bytes\`, and is \`response\`: parsed where it is JSON.`,
    errors: {
      HTTP_STATUS:
        "The answer's status is 400 or more and not in `accept`. Those in `retry_on` are retried, not before what `Retry-After` says; the others are not.",
      ...HTTP_ERRORS,
      HTTP_REDIRECT_INVALID: "The server answers with a redirect. Not retried.",
      FIELD_MISSING: "The message has no such `field`. Not retried.",
      TEXT_MISSING: "`format` is `text`, and what is to be sent is none. Not retried.",
      URL_INVALID: "The URL is no http or https URL. Not retried.",
      HEADER_INVALID: "A header cannot be sent. Not retried.",
    },
  },
  http_request: {
    more: `\`headers\` are by lower-case name, each a text; \`set-cookie\` is a list. \`url\` is where the answer came from in the end, and \`redirected\` whether that is elsewhere. A name and password in the URL are sent as basic authorization. Errors show the URL without them and without its query.

\`auth\` says who asks: \`{type: basic, username, password}\`, \`{type: bearer, token}\`, \`{type: header, name, value}\` or \`{type: query, name, value}\`. Its values are sent as they are, and stand in no message: take them from the environment. Another origin, to which a redirect or a next page leads, gets neither them nor any header but harmless ones.

\`paging\` asks for further pages, one message each with its number as \`page\`, up to \`max_pages\` (100). \`{type: link}\` follows the \`Link\` header's \`next\`; \`{type: next, next}\` the URL that an expression finds over \`status\`, \`headers\` and \`body\`; \`{type: cursor, parameter, cursor}\` sends the cursor that an expression finds; \`{type: page, parameter, start, items}\` counts pages until \`items\`, an expression, finds none; \`{type: offset, parameter, limit, limit_parameter, items}\` counts items until a page has fewer than \`limit\`.

\`\`\`yaml
version: "1.0"
routes:
  fetch:
    adapters:
      - type: http_request
        config:
          url: https://api.example.org/orders
          auth: { type: bearer, token: "\${secret:ORDERS_TOKEN}" }
          paging: { type: cursor, parameter: after, cursor: body.meta.next }
    outbound: [order]
  order: { adapters: [{ type: json_transform, config: { expression: body.orders } }, { type: log }] }
init_message: { route: fetch }
\`\`\`

Requests go to public addresses alone, and to hosts that whoever runs the service allows: [Fetch from the web](../guides/fetching.md) says how, and how hosts are spared.

To post JSON made of the message, write an object as an expression, and give the receiver a key by which it knows a request that comes again after a retry or a crash: \`message_id\` is the same for every attempt. Where a step before it in the chain makes several payloads of a message, they share the id: put this step on a route of its own. [\`http_post\`](http_post.md) does all that by itself.

\`\`\`yaml
version: "1.0"
routes:
  post:
    adapters:
      - type: http_request
        config:
          url: https://example.org/orders
          method: POST
          headers:
            content-type: application/json
            authorization: "Bearer \${secret:ORDERS_TOKEN}"
            idempotency-key: "\${message_id}"
          body: '\${ {"order": id, "lines": lines} }'
init_message: { route: post, payload: { id: 7, lines: [] } }
\`\`\``,
    errors: {
      HTTP_STATUS:
        "The answer's status is 400 or more and not in `accept`. Those in `retry_on` are retried, not before what `Retry-After` says; the others are not.",
      ...HTTP_ERRORS,
      PAGING_INVALID: "The next page has no URL or cursor that can be sent, or was asked for before. Not retried.",
      URL_INVALID: "The URL is no http or https URL. Not retried.",
      HEADER_INVALID: "A header cannot be sent. Not retried.",
    },
  },
  join: {
    more: "Put it at the beginning of a route of its own, which all parts come to. Steps on the way must pass `part` on, as `json_transform` does in the example. The parts that it holds take no slot of the route's `concurrency`; they are in flight, and settled together when what the whole gives rise to is committed: after a crash they are gathered anew, and none counts twice. A part that failed is missing until a retry of it comes. Where a part cannot come any more, as it failed for good, was dropped by `filter` or sent elsewhere, the whole ends with `timeout_seconds`, or when the routes before have nothing more to do, whichever is first. With `partial: fail` its parts then fail with `JOIN_INCOMPLETE`, and can be retried together with the one that failed; with `partial: emit` it goes on with those that came, and a part that comes later fails with `JOIN_PART_LATE`. After a restart the time of each whole begins anew, and what went on without some part is forgotten: such a part then makes a whole of its own that is not complete. A split of an empty list has no parts, and makes no whole. The items are in memory, and together they must fit into one message (`max_payload_bytes`): write large ones with `store_write`, and join their keys.",
    errors: {
      JOIN_INCOMPLETE:
        "Parts are missing, and the whole is not waited for any more; the message says which. Not retried.",
      JOIN_PART_INVALID:
        "The message has no `part_field`, it is none, or says another `count` than others of the group. Not retried.",
      JOIN_PART_LATE: "The whole has gone on without the part. Not retried.",
      JOIN_PARTS_MIXED: "A step before it in the chain made parts of different wholes. Not retried.",
      JOIN_TOO_LARGE: "The whole has more than `max_parts`. Not retried.",
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
    more: "Name the `tokenizer` of the model that reads the sections: the encodings of OpenAI's models are known, and for another a close one with a smaller budget will do. A section that is too long is cut between paragraphs where it can, then between lines, sentences and words; a code block that fits stays whole. Each piece stands in the text as it is. Front matter is part of none. Of a message that was parsed, each section has its own `links` and `code_blocks`, and the document's `headings` are left out.",
    errors: {
      TEXT_MISSING: "The message has no text in `text`. Not retried.",
      MARKDOWN_TOO_LARGE: "A text that was not parsed before has more than `max_bytes`. Not retried.",
      MARKDOWN_INVALID: "The text cannot be parsed. Not retried.",
    },
  },
  parquet_rows: {
    more: "A row group at a time is read, and unpacked in a thread of its own: a file of any size takes the memory of its largest row group. `path` is relative to the message's `root`, as for [`read_file`](read_file.md). Columns that are not in `columns` are not read. Codecs: Snappy, gzip, Zstandard, Brotli, LZ4, none. Whole numbers beyond 2^53 arrive as text, and so do decimals of more than 15 digits, so that no digit is lost (within lists and structures decimals are floating-point numbers); times are RFC 3339 with as many digits as the column has, dates `YYYY-MM-DD`; NaN and infinite numbers are null, as JSON has none. Rows are counted from 1, those included that `skip_rows` leaves out.",
    errors: {
      PARQUET_INVALID:
        "It is no Parquet file, or is encrypted or damaged. Not retried; rows that were sent before go on.",
      PARQUET_COLUMN_MISSING: "A column of `columns` is not in the file. Not retried.",
      PARQUET_COLUMN_TAKEN: "A column has the name of `number_field`. Not retried.",
      PARQUET_ROW_GROUP_TOO_LARGE:
        "A row group has more than `max_row_group_bytes`, or takes more than `max_memory_mb`. Not retried.",
      ...DOCUMENT_ERRORS,
      FIELD_MISSING: "The message has no text in `object_field`. Not retried.",
    },
  },
  parquet_write: {
    more: `${ROW_OBJECTS} A field that is missing or null is null. Name the \`columns\` where all objects are to have the same: what is inferred is of the object's own rows. Fields that are not in \`columns\` are left out. Each row group has the least and greatest value and the number of nulls of each column (of texts the first 16 bytes); \`object_columns\` has them of the whole object, as \`{name, type, nulls, min, max}\` (of texts the first 64 characters; none of \`json\`). The rows of an object are in memory while it is written.`,
    errors: {
      ...ROW_OBJECT_ERRORS,
      PARQUET_TYPE_UNCLEAR:
        "A column that is not in `columns` has values of different types, or there is no column. Not retried.",
      ROW_INVALID: "A row is not an object. Not retried.",
      VALUE_INVALID: "A value is none of its column's type. Not retried.",
    },
  },
  pdf_to_text: {
    more: `Text is put into the order in which it is read: from the top to the bottom, and column by column where a page has columns; the cells of a table's row stay in one line. Paragraphs are separated by an empty line. A message per page is sent as the page is read. A PDF of pictures alone, as a scanner makes, has pages with an empty \`text\`: there is no recognition of letters. What a message per document has in \`page_list\` are the pages' \`page\`, \`offset\` in \`text\`, \`width\`, \`height\` and \`blocks\`, whose offsets are those within the page. ${DOCUMENT_THREADS}`,
    errors: {
      PDF_ENCRYPTED: "The PDF is encrypted, and `password` is missing or wrong. Not retried.",
      PDF_INVALID: "It is no PDF, or is damaged: the message says where. Not retried.",
      PDF_TOO_COMPLEX: "It took more than `max_seconds` or `max_memory_mb`. Not retried.",
      PDF_TOO_LONG: "It has more than `max_pages` or `max_characters`. Not retried; pages that were sent before go on.",
      ...DOCUMENT_ERRORS,
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
  s3_objects: {
    more: "Objects come in the order of their keys, a request for each thousand; those that stand for folders are left out. `path` is the key, so that steps that go by a file's name find one. With `read: text`, what is no UTF-8 is `body` in base64. Objects that are added while a list is under way may be missed, and where the step is done again after a crash, one may come twice. Take the keys from the environment, as `\"${secret:BUCKET_KEY}\"`. Any server that speaks S3's protocol will do, with its URL as `endpoint`; one in a private network has to be [allowed](../guides/fetching.md).",
    errors: { ...S3_ERRORS, S3_ANSWER_INVALID: "What the server sent is no list of objects." },
  },
  s3_write: {
    more: 'An object is written in one request, whole or not at all, and replaces one that is there. A message that is taken again after a crash or a retry writes the same object again, as long as its `key` is made of the message alone. To write many messages as one object, put `batch` on a route before, as in the example. Take the keys from the environment, as `"${secret:BUCKET_KEY}"`. Any server that speaks S3\'s protocol will do, with its URL as `endpoint`; one in a private network has to be [allowed](../guides/fetching.md).',
    errors: {
      ...S3_ERRORS,
      S3_KEY_INVALID: "The key is empty, longer than 1024 bytes, or has parts `.` or `..`. Not retried.",
      FIELD_MISSING: "The message has no such `field`. Not retried.",
      BASE64_INVALID: "`format` is `base64`, and what is to be written is none. Not retried.",
    },
  },
  script: {
    more: "The script has the language, the payload, the message and `log`, and nothing else: no files, network, environment, timers, modules or other messages. What must reach further is an [adapter of its own](../writing-adapters.md), which whoever runs the service puts into a folder: that is how more is granted. It runs in a process of its own for each step of each execution, which Node.js's permission model lets do nothing, started with the first message and ended when there was none for ten seconds; messages are worked on one at a time. Only text crosses, and what comes back is taken for untrusted. What the script's top makes stays from one message to the next, in no order that can be relied on, and is gone after a restart. What a message makes of itself should be the same each time: a step that is done again after a crash relies on it. `${env:NAME}` and `${secret:NAME}` are replaced in the code, as in any text of a config; the `${…}` of a template literal is not. Types are erased, not checked; `enum`, `namespace` and parameter properties have no erased form. An error with `retryable: true` is tried again.",
    errors: {
      SCRIPT_FAILED:
        "The script threw, or emitted what is no payload; the message says where. Retried only where the error says `retryable: true`.",
      SCRIPT_INVALID: "The script does not compile. The execution is not started.",
      SCRIPT_OUT_OF_MEMORY: "It used more than `max_memory_mb`. Not retried.",
      SCRIPT_TOO_SLOW: "It took longer than `max_seconds` for a message. Not retried.",
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
  sql_query: {
    more: "The rows are read as they are taken: a query that finds a million rows takes the memory of some. In SQLite the file is opened for reading, and a query may do nothing but read tables and call functions; it runs in a process of its own, which is ended where it takes too long or nobody wants it: nothing else ends SQLite. It is one statement: a second one is refused. In PostgreSQL the query begins with `SELECT`, `WITH`, `VALUES`, `TABLE` or `SHOW` (a transaction that only reads lets `COPY` and `DO` start programs on the server), and runs in a transaction that only reads, over a cursor; connections are kept for ten seconds and shared. A transaction that reads can still call functions that do something: give the service a role that may read what it should, and nothing else. On cancel and time-out the server is told to stop. What arrives: whole numbers beyond 2^53 as text, `numeric` as text with every digit, `date` as `YYYY-MM-DD`, `timestamp` and `timestamptz` as RFC 3339 (the latter in UTC) with every digit, `json` and `jsonb` as they are, lists as lists, `bytea` and blobs in base64, NaN as null, and what has no place in JSON as PostgreSQL writes it. A message that is taken again asks again: order the rows, so that they come as before, where what was sent already must fit.",
    errors: {
      ...POSTGRES_ERRORS,
      COLUMN_TAKEN: "A column has the name of `number_field`. Not retried.",
      DATABASE_BUSY: "Another process has held the database for `wait_seconds`.",
      DATABASE_INVALID: "The file is no database, is damaged, or is Millrace's own. Not retried.",
      DATABASE_NOT_FOUND: "There is no such file. Not retried.",
      PATH_OUTSIDE_ROOT: "The file is not in the folder that the service was started in. Not retried.",
      SQL_READ_ONLY: "The statement does more than read. Not retried.",
      TOO_MANY_ROWS: "The query finds more than `max_rows`. Not retried; rows that were sent before go on.",
    },
  },
  sql_upsert: {
    more: "The rows of a message are written in one transaction: all of them or none. A message that is taken again after a crash or a retry writes the same rows by the same keys, so that each is there once. With several messages in flight at once, an older one that is taken again may come after a newer one of the same key: `newest_by` keeps the newer row. A field that is missing is null, one that is not in `columns` is left out; `integer` and `real` take texts that are such numbers, as CSV has them. In SQLite, statements are short and give way to other work, but a slow disk holds the service up at each commit: set `isolation: thread` then. Millrace's own SQLite database is refused. In PostgreSQL, rows go in statements of up to a thousand; `key` needs a primary key or a unique index there.",
    errors: {
      ...POSTGRES_ERRORS,
      FIELD_MISSING: "The message has no such `field`. Not retried.",
      NOT_AN_ARRAY: "The `field` is not a list. Not retried.",
      ROW_INVALID: "A row is not an object. Not retried.",
      KEY_MISSING: "A row has no value for a column of the key. Not retried.",
      VALUE_INVALID: "A value is none that the column takes. Not retried.",
      ROW_REJECTED: "A constraint of the table refuses a row. Not retried.",
      TABLE_MISMATCH: "The table, a column or a unique index on the key is not there. Not retried.",
      DATABASE_NOT_FOUND: "There is no such file, or no such folder. Not retried.",
      DATABASE_INVALID: "The file is no database, is damaged, or is Millrace's own. Not retried.",
      DATABASE_BUSY: "Another has held the database, or rows of it, for `wait_seconds`.",
      DATABASE_UNAVAILABLE: "The database cannot be reached or written at present: the disk is full, say.",
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
  subpipeline: {
    more: "The child is an execution as any other: it has a page, events and objects of its own, names the execution that it is a part of as `parent_execution_id`, and its first message has the step's message as origin in the [lineage](../lineage.md). It runs the version of the config that is stored when it starts, and counts towards `max_executions`: where as many run as may, the step waits for a place. Where all that run wait for one, so that none would ever come free, one child more is started than may run. The step's `timeout_seconds` (300 unless it is set) is the time that the child may take. A step that is done again after a crash finds the child that it had started, by an idempotency key of the message and the attempt; another attempt starts another child. Cancelling an execution cancels its children; a shutdown leaves them, and they are found again. Children may have children, eight below each other. With `results: objects` there is a message per object that the child wrote, in the order of their keys, as soon as it is over: let the child write its results with `store_write`. Objects stay with the child, and go when it is deleted. Name a stored config; the file of a pipeline that `millrace run` is given is none.",
    errors: {
      ISOLATION_UNSUITABLE: "The step has `isolation: thread`, from where no execution can be started. Not retried.",
      PAYLOAD_INVALID: "The expression `payload` gives no object. Not retried.",
      SUBPIPELINE_FAILED: "The child failed or was cancelled; the message says why. Retried only with `retry: true`.",
      SUBPIPELINE_NOT_FOUND: "There is no stored config of that name or id. Not retried.",
      SUBPIPELINE_NOT_RUNNABLE: "The config has errors, is not active, or its name is that of several. Not retried.",
      SUBPIPELINE_TOO_DEEP: "There are eight executions above already. Not retried.",
      SUBPIPELINE_TOO_MANY_RESULTS: "The child wrote more objects than `max_results`. Not retried.",
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
  web_crawl: {
    more: `A page of a crawl is a message of its own. The first message names where it begins; each page goes down the chain, and the links that it has in scope go back to the route of the step, as \`{url, crawl}\`: put the step first on its route. So the route's \`concurrency\` is how many pages are fetched at once, a page that fails is retried by itself, [lineage](../lineage.md) shows which page led to which, and a crash costs the pages that were in flight. Set \`on_error: continue\`, or one page that cannot be had ends the run. Other fields of the first message go along to every page. [Crawl a site](../guides/fetching.md#crawl-a-site) has the whole of it.

\`html\` is the page in the encoding that it has; other types of text are \`text\`, and anything else is \`body\` in base64. \`crawl\` has \`depth\`, \`parent\`, \`seed\` and \`run\`. \`url\` is where the page is after redirects.

URLs are fetched once in a run, whatever they are called: fragments, the order of parameters, parameters that only track, and escapes do not count; a redirect or a canonical link to a page of the crawl leads to that page's own message. URLs that have no end (paths that repeat themselves, more than \`max_queries\` of one path) are not followed.

robots.txt is read as RFC 9309 says: once a day, up to 500 KiB; where there is none everything is allowed, and where it cannot be had (5xx, no answer) nothing is. \`Crawl-delay\` counts up to 60 s. A page with \`noindex\` is not emitted, and one with \`nofollow\` leads nowhere.

With \`state\`, a page's ETag, time, hash and links are kept in the data directory (\`state/web_crawl.db\`) under that name. The next run asks for it on condition, and one that is as it was is not emitted, or, with \`unchanged: emit\`, as \`{url, etag, last_modified, sha256, unchanged: true}\`; its links are followed all the same. A page is kept only when it has gone through the rest of its chain: what must not be missed belongs there, and what fails further on is emitted again only under another name of \`state\`.

A message that waits for its turn holds a slot: keep \`concurrency\` times the delay under \`timeout_seconds\` of the route (300). What a crawl remembers is in the data directory of the node that it runs on: of a service of many nodes, another that takes the run over fetches pages again that were fetched.`,
    errors: {
      URL_MISSING: "The first message has no `url`, and `start` is not set. Not retried.",
      URL_INVALID: "What the crawl is to begin at is no http or https URL. Not retried.",
      ROBOTS_UNREACHABLE: "The site's robots.txt cannot be had: nothing of it may be fetched until it can.",
      HTTP_STATUS:
        "The first page, or with `broken: fail` any, has a status of 400 or more. 408, 425, 429 and 5xx are retried, of any page.",
      ...HTTP_ERRORS,
      ISOLATION_UNSUITABLE:
        "The step has `isolation: thread`, and would not see what other threads ask a host for. Not retried.",
    },
  },
};
