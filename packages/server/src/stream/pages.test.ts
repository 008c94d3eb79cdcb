import assert from "node:assert/strict";
import { test } from "node:test";
import type { Position } from "@millrace/engine";
import type { Page } from "./page.ts";
import { PageBook, PageShelf } from "./pages.ts";
import { MemoryJournal } from "./testing/memory-journal.ts";

/** A journal of one execution: so many commits of one event each, of so many bytes of text. */
function journalOf(commits: number, bytes: number): MemoryJournal {
  const journal = new MemoryJournal();
  for (let commit = 0; commit < commits; commit += 1) {
    journal.commit([{ executionId: "e", events: [{ type: "completed", route: "x", text: "x".repeat(bytes) }] }]);
  }
  return journal;
}

function shelfOf(journal: MemoryJournal): PageShelf {
  return new PageShelf((...args) => journal.read(...args));
}

async function readAll(book: PageBook, upTo: Position): Promise<Page[]> {
  const pages: Page[] = [];
  for (let after = 0; after < upTo; ) {
    const page = await book.get(after, upTo);
    assert.ok(page !== null);
    pages.push(page);
    after = page.last;
  }
  return pages;
}

test("a hundred readers who go through a journal together have it read once, and are sent the same bytes", async () => {
  const journal = journalOf(400, 4_000);
  const book = new PageBook(shelfOf(journal), "e", null);
  const all = await Promise.all(Array.from({ length: 100 }, () => readAll(book, journal.head)));
  const [first = []] = all;
  assert.ok(first.length > 3);
  assert.equal(journal.reads, first.length);
  for (const pages of all) for (const [index, page] of pages.entries()) assert.equal(page.frames, first[index]?.frames);
  // And one who comes later reads nothing at all.
  await readAll(book, journal.head);
  assert.equal(journal.reads, first.length);
});

test("a reader who begins elsewhere falls into step with those who were there before", async () => {
  const journal = journalOf(400, 4_000);
  const book = new PageBook(shelfOf(journal), "e", null);
  const pages = await readAll(book, journal.head);
  const reads = journal.reads;
  const page = await book.get(7, journal.head);
  assert.equal(page?.last, pages[0]?.last, "its page ends where the next one begins");
  assert.equal(await book.get(page?.last ?? 0, journal.head), pages[1]);
  assert.equal(journal.reads, reads + 1);
});

test("that there is nothing up to one reader's edge does not keep the rest from another who may have more", async () => {
  const journal = journalOf(1, 10);
  journal.turnsAfter = 3;
  const book = new PageBook(shelfOf(journal), "e", null);
  const behind = book.get(1, 1);
  journal.commit([{ executionId: "e", events: [{ type: "failed", route: "x", text: "" }] }]);
  const ahead = book.get(1, 2);
  assert.equal(await behind, null);
  assert.equal((await ahead)?.last, 2);
});

test("those who come one after the other to the edge of a run leave no trail of small pages for who comes later", async () => {
  const journal = journalOf(1, 100);
  const shelf = shelfOf(journal);
  const book = new PageBook(shelf, "e", null);
  for (let comer = 0; comer < 500; comer += 1) {
    journal.commit([{ executionId: "e", events: [{ type: "completed", route: "x", text: "x".repeat(100) }] }]);
    await readAll(book, journal.head);
  }
  const pages = await readAll(book, journal.head);
  const bytes = pages.reduce((sum, page) => sum + (page.frames?.length ?? 0), 0);
  assert.ok(pages.length <= bytes / (16 * 1024) + 1, `${pages.length} pages for ${bytes} bytes`);
  assert.equal(
    pages.map((page) => page.frames?.bytes.toString()).join(""),
    journal.events.map(({ frame }) => frame).join(""),
  );
});

test("pages that are kept come to a bounded number of bytes, and those go first that were not asked for longest", async () => {
  const journal = journalOf(280, 250_000);
  const shelf = shelfOf(journal);
  const book = new PageBook(shelf, "e", null);
  const pages = await readAll(book, journal.head);
  const total = pages.reduce((sum, page) => sum + (page.frames?.length ?? 0), 0);
  assert.ok(total > 64 * 1024 * 1024 && shelf.bytes <= 32 * 1024 * 1024 && shelf.bytes > 16 * 1024 * 1024);
  const reads = journal.reads;
  const last = pages.at(-1);
  assert.equal(await book.get(last?.after ?? 0, journal.head), last, "the newest is there");
  assert.equal(journal.reads, reads);
  await book.get(0, journal.head);
  assert.equal(journal.reads, reads + 1, "the oldest is not");
});

test("nothing is kept of an execution that nobody reads any more, not even what was being read for the last one", async () => {
  const journal = journalOf(50, 4_000);
  const shelf = shelfOf(journal);
  const book = new PageBook(shelf, "e", null);
  await book.get(0, journal.head);
  assert.ok(shelf.bytes > 0);
  const late = book.get(3, journal.head);
  book.close();
  await late;
  assert.equal(shelf.bytes, 0);
});

test("with many readers that are behind pages get smaller, so that what clients leave unread is bounded in all", () => {
  const shelf = shelfOf(journalOf(0, 0));
  shelf.readers = 1;
  assert.equal(shelf.pageBytes, 256 * 1024);
  shelf.readers = 1_000;
  assert.ok(shelf.pageBytes * shelf.readers <= 64 * 1024 * 1024);
  shelf.readers = 1_000_000;
  assert.equal(shelf.pageBytes, 16 * 1024, "but never so small that reading stands still");
});
