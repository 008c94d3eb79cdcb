import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pdfToText } from "./pdf-to-text.ts";
import { makePdf } from "./testing/make-pdf.ts";
import { failure, problems, run, runOne, stream } from "./testing/run-adapter.ts";
import { TempFolder } from "./testing/temp-folder.ts";

const LETTER = makePdf(
  [
    [
      [50, 700, "Dear reader,"],
      [50, 688, "this is page one."],
    ],
    [[50, 700, "And this is page two."]],
  ],
  { title: "A letter" },
);

const asField = (pdf: Buffer) => ({ body: pdf.toString("base64") });

describe("what pdf_to_text emits", () => {
  test("a message per page of a file, with its number, text, size, places and what the PDF says of itself", async () => {
    using folder = new TempFolder();
    folder.write("letter.pdf", LETTER);
    const pages = await run(pdfToText, {}, { root: folder.path, path: "letter.pdf" });
    const [one, two] = pages;
    assert.equal(pages.length, 2);
    assert.equal(two?.text, "And this is page two.");
    assert.deepEqual(one, {
      root: folder.path,
      path: "letter.pdf",
      page: 1,
      pages: 2,
      text: "Dear reader,\nthis is page one.",
      width: 600,
      height: 800,
      blocks: [{ ...Object(one?.blocks)[0], offset: 0, length: 30, x: 50, y: 90, height: 22 }],
      metadata: { title: "A letter", created_at: "2024-01-31T11:00:00.000Z", pdf_version: "1.4" },
    });
  });

  test("one message for all pages, where each page's text can be found", async () => {
    const {
      text,
      pages,
      page_list: list,
    } = await runOne(pdfToText, { field: "body", emit: "document", blocks: false }, asField(LETTER));
    assert.equal(pages, 2);
    assert.ok(Array.isArray(list) && typeof text === "string");
    assert.deepEqual(
      list.map((page) => text.slice(Number(Object(page).offset)).split("\n", 1)[0]),
      ["Dear reader,", "And this is page two."],
    );
  });

  test("columns one after the other", async () => {
    const rows = [0, 1, 2, 3, 4];
    const page = rows.flatMap((row): [number, number, string][] => [
      [50, 700 - row * 12, `left line ${row} goes on for a while here`],
      [320, 700 - row * 12, `right line ${row} goes on for a while here`],
    ]);
    const { text } = await runOne(pdfToText, { field: "body" }, asField(makePdf([page])));
    assert.match(String(text), /^left line 0.*left line 4.*right line 0.*right line 4/s);
  });
});

describe("pdf_to_text refuses", () => {
  const code = async (config: object, pdf: Buffer) =>
    (await failure(pdfToText, { field: "body", ...config }, asField(pdf))).code;

  test("a PDF that is encrypted, with and without a password that does not fit", async () => {
    const pdf = makePdf([[[50, 700, "secret"]]], { encrypted: true });
    const { code: found, message } = await failure(pdfToText, { field: "body" }, asField(pdf));
    assert.equal(found, "PDF_ENCRYPTED");
    assert.match(message, /set password/);
    assert.equal(await code({ password: "open" }, pdf), "PDF_ENCRYPTED");
  });

  test("what is no PDF, or is cut off in the middle", async () => {
    assert.equal(await code({}, Buffer.from("<html>not found</html>")), "PDF_INVALID");
    assert.equal(await code({}, LETTER.subarray(0, 40)), "PDF_INVALID");
  });

  test("one with more bytes, pages or text than it may have", async () => {
    assert.equal(await code({ max_bytes: 100 }, LETTER), "FILE_TOO_LARGE");
    assert.equal(await code({ max_pages: 1 }, LETTER), "PDF_TOO_LONG");
    assert.equal(await code({ max_characters: 30 }, LETTER), "PDF_TOO_LONG");
  });

  test("one that takes too long, and reads the next all the same", async () => {
    const many = makePdf(
      Array.from({ length: 400 }, (_, page) =>
        Array.from({ length: 60 }, (_, row): [number, number, string] => [50, 790 - row * 12, `page ${page} ${row}`]),
      ),
    );
    assert.equal(await code({ max_seconds: 0.05 }, many), "PDF_TOO_COMPLEX");
    assert.equal((await run(pdfToText, { field: "body" }, asField(LETTER))).length, 2);
  });

  test("a message without the document, and two places for it", async () => {
    assert.equal((await failure(pdfToText, { field: "body" }, {})).code, "FIELD_MISSING");
    assert.equal((await failure(pdfToText, {}, { path: "nowhere.pdf" })).code, "FILE_NOT_FOUND");
    assert.equal(problems(pdfToText, { field: "a", object_field: "b" }).length, 1);
  });
});

test("a PDF that nobody wants any more is let go of, and cancel ends it", async () => {
  for await (const page of stream(pdfToText, { field: "body" }, asField(LETTER))) {
    assert.ok("page" in page);
    break;
  }
  const cancelled = run(pdfToText, { field: "body" }, asField(LETTER), { signal: AbortSignal.abort() });
  await assert.rejects(cancelled, { name: "AbortError" });
});
