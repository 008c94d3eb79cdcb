import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { DEFAULT_PROJECT } from "@millrace/protocol";
import { z } from "zod";

/** What the last run that got a page's answer through its chain knows of it. */
export interface KnownPage {
  readonly etag: string | null;
  readonly lastModified: string | null;
  readonly sha256: string;
  /** URLs that it led to, in the form of the crawl; of any scope. */
  readonly links: readonly string[];
  /** Whether it is a page of its own: no copy of another, and one that may be kept. */
  readonly isPage: boolean;
  /** The message that learned it. */
  readonly messageId: string;
}

/** What is to be claimed for a run. */
export interface Claims {
  readonly run: string;
  /** Who claims. */
  readonly messageId: string;
  readonly urls: readonly string[];
  readonly maxPages: number;
  /** Queries of one path at most. */
  readonly maxQueries: number;
}

/** What a crawl is told, and tells. */
export type CrawlLedger = Pick<CrawlMemory, "claim" | "claimsOf" | "claimAlias" | "page" | "keep">;

/** Runs that nobody has gone on with for so long are forgotten, in milliseconds. */
const RUN_KEPT_MS = 30 * 24 * 60 * 60 * 1000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS runs (run TEXT PRIMARY KEY, pages INTEGER NOT NULL, used_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS claims (run TEXT NOT NULL, url TEXT NOT NULL, message TEXT NOT NULL, place INTEGER NOT NULL,
    PRIMARY KEY (run, url)) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS claims_by_message ON claims (run, message, place);
  CREATE TABLE IF NOT EXISTS queries (run TEXT NOT NULL, path TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (run, path)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS pages (state TEXT NOT NULL, url TEXT NOT NULL, etag TEXT, last_modified TEXT,
    sha256 TEXT NOT NULL, links BLOB NOT NULL, is_page INTEGER NOT NULL, message TEXT NOT NULL,
    PRIMARY KEY (state, url)) STRICT, WITHOUT ROWID;
`;

/** Of a page that was fetched for its own sake: nothing that a message emits. */
const ALIAS = -1;

/** Of a message whose links are settled, though there are none. */
const MARK = -2;

/**
 * What crawls remember: in one run, which URLs were claimed, and by which message; over runs, what pages were like. It is
 * a file of SQLite, so that it takes no memory, and so that a step that is done again after a crash leads to the same
 * URLs as the first time.
 */
export class CrawlMemory {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** What is claimed in this turn of the loop; null: nothing yet. */
  #kept: Promise<void> | null = null;

  private constructor(database: DatabaseSync) {
    this.#database = database;
    // What a crash of the machine loses is claimed, or fetched, once more.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000");
    database.exec(SCHEMA);
    const before = Date.now() - RUN_KEPT_MS;
    for (const { run } of database.prepare("SELECT run FROM runs WHERE used_at < ?").all(before)) {
      for (const table of ["claims", "queries", "runs"]) {
        database.prepare(`DELETE FROM ${table} WHERE run = ?`).run(String(run));
      }
    }
  }

  /** Opens the memory in a folder; null: one that ends with the process. */
  static async open(stateDir: string | null): Promise<CrawlMemory> {
    const { DatabaseSync } = await import("node:sqlite");
    if (stateDir === null) return new CrawlMemory(new DatabaseSync(":memory:"));
    mkdirSync(stateDir, { recursive: true });
    return new CrawlMemory(new DatabaseSync(join(stateDir, "web_crawl.db")));
  }

  /**
   * Claims URLs for a run, each once, and returns those that the message has, in the order in which it got them. A
   * message that has settled its claims before gets the same again, whatever it asks for. Resolves once they are kept:
   * what is emitted after that is not claimed by another message, however the process ends.
   */
  async claim({ run, messageId, urls, maxPages, maxQueries }: Claims): Promise<string[]> {
    const settled = this.claimsOf(run, messageId);
    if (settled !== null) return settled;
    const kept = this.#inTransaction();
    const got: string[] = [];
    this.#prepare("INSERT INTO runs VALUES (?, 0, ?) ON CONFLICT (run) DO UPDATE SET used_at = excluded.used_at").run(
      run,
      Date.now(),
    );
    let pages = Number(this.#prepare("SELECT pages FROM runs WHERE run = ?").get(run)?.pages ?? 0);
    for (const url of urls) {
      if (pages >= maxPages) break;
      if (!this.#claimOne(run, url, messageId, got.length, maxQueries)) continue;
      got.push(url);
      pages += 1;
    }
    this.#insert(run, `message:${messageId}`, messageId, MARK);
    this.#prepare("UPDATE runs SET pages = ? WHERE run = ?").run(pages, run);
    await kept;
    return got;
  }

  /** What a message has claimed, in order; null where it has not settled that yet. */
  claimsOf(run: string, messageId: string): string[] | null {
    if (this.#owner(run, `message:${messageId}`) === null) return null;
    return this.#prepare("SELECT url FROM claims WHERE run = ? AND message = ? AND place >= 0 ORDER BY place")
      .all(run, messageId)
      .map(({ url }) => String(url));
  }

  /**
   * Claims a URL as another name of the page that a message is about: where a redirect leads, or what it is a copy of.
   * False where it is another message's.
   */
  claimAlias(run: string, url: string, messageId: string): boolean {
    const owner = this.#owner(run, url);
    if (owner !== null) return owner === messageId;
    this.#insert(run, url, messageId, ALIAS);
    return true;
  }

  /** What is known of a page; null where nothing is. */
  page(state: string, url: string): KnownPage | null {
    const row = this.#prepare("SELECT * FROM pages WHERE state = ? AND url = ?").get(state, url);
    if (row === undefined) return null;
    const { etag, last_modified: lastModified, sha256, links, is_page: isPage, message } = rowSchema.parse(row);
    return {
      etag,
      lastModified,
      sha256,
      links: linksSchema.parse(JSON.parse(inflateRawSync(links).toString())),
      isPage: isPage === 1,
      messageId: message,
    };
  }

  /** Remembers a page for the next run. */
  keep(state: string, url: string, page: KnownPage): void {
    const links = deflateRawSync(JSON.stringify(page.links), { level: 1 });
    this.#prepare("INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?)").run(
      state,
      url,
      page.etag,
      page.lastModified,
      page.sha256,
      links,
      page.isPage ? 1 : 0,
      page.messageId,
    );
  }

  /** What is remembered of a project's crawls: states of one name are others in each. */
  inProject(project: string): CrawlLedger {
    // What is there from before there were projects is this one's.
    if (project === DEFAULT_PROJECT) return this;
    const own = (name: string) => `${project}/${name}`;
    return {
      claim: (claims) => this.claim({ ...claims, run: own(claims.run) }),
      claimsOf: (run, messageId) => this.claimsOf(own(run), messageId),
      claimAlias: (run, url, messageId) => this.claimAlias(own(run), url, messageId),
      page: (state, url) => this.page(own(state), url),
      keep: (state, url, page) => this.keep(own(state), url, page),
    };
  }

  close(): void {
    this.#database.close();
  }

  #owner(run: string, url: string): string | null {
    const row = this.#prepare("SELECT message FROM claims WHERE run = ? AND url = ?").get(run, url);
    return row === undefined ? null : String(row.message);
  }

  /** False where it is claimed already. */
  #insert(run: string, url: string, messageId: string, place: number): boolean {
    return (
      this.#prepare("INSERT OR IGNORE INTO claims VALUES (?, ?, ?, ?)").run(run, url, messageId, place).changes > 0
    );
  }

  /** A calendar, or a list that can be sorted in every way, has pages without end. */
  #admitsQuery(run: string, url: string, max: number): boolean {
    const path = url.split("?", 1)[0] ?? "";
    if (path === url) return true;
    const counted = this.#prepare(
      "INSERT INTO queries VALUES (?, ?, 1) ON CONFLICT (run, path) DO UPDATE SET count = count + 1 WHERE count < ?",
    ).run(run, path, max);
    return counted.changes > 0;
  }

  #claimOne(run: string, url: string, messageId: string, place: number, maxQueries: number): boolean {
    // One that has a query counts for its path, but not twice.
    if (url.includes("?") && (this.#owner(run, url) !== null || !this.#admitsQuery(run, url, maxQueries))) return false;
    return this.#insert(run, url, messageId, place);
  }

  /** Begins what is kept together: all that is claimed in a turn of the loop. Resolves, or rejects, with it. */
  #inTransaction(): Promise<void> {
    if (this.#kept !== null) return this.#kept;
    this.#database.exec("BEGIN IMMEDIATE");
    this.#kept = new Promise((resolve, reject) => {
      setImmediate(() => {
        this.#kept = null;
        try {
          this.#database.exec("COMMIT");
          resolve();
        } catch (error) {
          this.#database.exec("ROLLBACK");
          reject(error);
        }
      });
    });
    return this.#kept;
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

const rowSchema = z.object({
  etag: z.string().nullable(),
  last_modified: z.string().nullable(),
  sha256: z.string(),
  links: z.instanceof(Uint8Array),
  is_page: z.number(),
  message: z.string(),
});

const linksSchema = z.array(z.string());
