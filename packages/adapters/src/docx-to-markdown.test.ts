import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { docxToMarkdown } from "./docx-to-markdown.ts";
import { makeZip } from "./testing/make-zip.ts";
import { failure, runOne } from "./testing/run-adapter.ts";

/** Documents of Word that a library ships. */
const SAMPLES = join(dirname(createRequire(import.meta.url).resolve("mammoth/package.json")), "test", "test-data");

const asField = (document: Buffer) => ({ body: document.toString("base64") });
const convert = (document: Buffer, config = {}) =>
  runOne(docxToMarkdown, { field: "body", ...config }, asField(document));
const sample = async (name: string) => String((await convert(readFileSync(join(SAMPLES, name)))).text);

/** A document with the given XML in its body. */
function documentOf(body: string): Buffer {
  const w = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
  return makeZip({
    "[Content_Types].xml":
      '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
    "_rels/.rels":
      '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>',
    "docProps/core.xml":
      '<cp:coreProperties xmlns:cp="c" xmlns:dc="d"><dc:title>Mills &amp; races</dc:title><dc:creator>Ada</dc:creator></cp:coreProperties>',
    "word/styles.xml": `<w:styles xmlns:w="${w}"><w:style w:type="paragraph" w:styleId="H2"><w:name w:val="heading 2"/></w:style></w:styles>`,
    "word/_rels/document.xml.rels":
      '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="s" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>',
    "word/document.xml": `<w:document xmlns:w="${w}"><w:body>${body}</w:body></w:document>`,
  });
}

describe("docx_to_markdown", () => {
  test("keeps headings and emphasis, and says what the document says of itself", async () => {
    const document = documentOf(
      '<w:p><w:pPr><w:pStyle w:val="H2"/></w:pPr><w:r><w:t>The wheel</w:t></w:r></w:p><w:p><w:r><w:rPr><w:b/></w:rPr><w:t>turns</w:t></w:r></w:p>',
    );
    const { text, metadata } = await convert(document);
    assert.equal(text, "## The wheel\n\n**turns**\n");
    assert.deepEqual(metadata, { title: "Mills & races", author: "Ada" });
  });

  test("keeps tables, lists and links", async () => {
    assert.match(
      await sample("tables.docx"),
      /\| Top left \| Top right \|\n\| - \| - \|\n\| Bottom left \| Bottom right \|/,
    );
    assert.match(await sample("simple-list.docx"), /^- Apple\n- Banana/m);
    assert.match(await sample("footnote-hyperlink.docx"), /\]\(https?:\/\//);
  });

  test("leaves out the marks of places that are only linked to", async () => {
    const document = documentOf('<w:p><w:bookmarkStart w:id="1" w:name="here"/><w:r><w:t>text</w:t></w:r></w:p>');
    assert.equal((await convert(document)).text, "text\n");
  });

  test("makes notes of footnotes and endnotes", async () => {
    for (const name of ["footnotes.docx", "endnotes.docx"]) {
      assert.equal(await sample(name), "Ouch[^1].[^2]\n\n[^1]: A tachyon walks into a bar.\n\n[^2]: Fin.\n");
    }
  });

  test("leaves pictures out, and what they are said to show in", async () => {
    assert.doesNotMatch(await sample("tiny-picture.docx"), /base64/);
  });
});

describe("docx_to_markdown refuses", () => {
  const code = async (document: Buffer, config = {}) =>
    (await failure(docxToMarkdown, { field: "body", ...config }, asField(document))).code;

  test("what is no document of Word, and what has a password", async () => {
    assert.equal(await code(Buffer.from("hello")), "DOCX_INVALID");
    assert.equal(await code(makeZip({ "a.txt": "hello" })), "DOCX_INVALID");
    const old = Buffer.concat([Buffer.from("d0cf11e0a1b11ae1", "hex"), Buffer.alloc(512)]);
    const { message } = await failure(docxToMarkdown, { field: "body" }, asField(old));
    assert.match(message, /Word before 2007, or has a password/);
  });

  test("one that is a thousand times as large once it is unpacked, also where it lies about that", async () => {
    const bomb = documentOf(`<w:p><w:r><w:t>${"a".repeat(5_000_000)}</w:t></w:r></w:p>`);
    assert.ok(bomb.byteLength < 20_000);
    assert.equal(await code(bomb, { max_unpacked_bytes: 1_000_000 }), "DOCX_TOO_LARGE");
    const body = Buffer.from("a".repeat(5_000_000));
    const lies = makeZip({ "[Content_Types].xml": { packed: deflateRawSync(body), claimedSize: 10, body } });
    assert.equal(await code(lies), "DOCX_INVALID");
  });
});
