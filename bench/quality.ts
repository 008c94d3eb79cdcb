/**
 * How well the adapters of content do, beside peers, on fixed pages and documents: `node bench/quality.ts [html|pdf|docx]`.
 * Needs pandoc, poppler-utils and chromium, and the documentation of fish, Node.js, Valgrind and libxslt of Debian.
 */
import { measureDocx } from "./quality/docx.ts";
import { measureHtml } from "./quality/html.ts";
import { measurePdf } from "./quality/pdf.ts";
import { printTable } from "./report.ts";

const wanted = process.argv.slice(2);
const isWanted = (name: string) => wanted.length === 0 || wanted.includes(name);

if (isWanted("html")) {
  console.log("\nMain content of pages, by its words (%):\n");
  printTable(["", "pages", "precision", "recall", "F1", "worst F1", "ms a page"], await measureHtml());
}
if (isWanted("pdf")) {
  console.log("\nText of PDFs, by words with the three before them (%):\n");
  printTable(["", "", "PDFs", "precision", "recall", "F1", "worst F1", "ms a PDF"], await measurePdf());
}
if (isWanted("docx")) {
  console.log("\nDocuments of Word, F1 of what they have (%):\n");
  printTable(
    ["", "documents", "words", "headings", "list items", "table cells", "links", "code lines"],
    await measureDocx(),
  );
}
