/** A row of a CSV, or what is wrong with it. */
export type CsvRow = { readonly line: number } & (
  | { readonly fields: readonly string[] }
  | { readonly error: string; readonly text: string }
);

/** How a CSV is written. */
export interface CsvForm {
  readonly delimiter: string;
  /** Empty: no value is quoted. */
  readonly quote: string;
  /** The longest row, in characters. */
  readonly maxRow: number;
}

/**
 * Reads CSV as RFC 4180 has it, piece by piece, with any line ends. After a row that cannot be read it goes on with the
 * next line: a quote that is never closed costs that row, and not the rest of the file, as it does where parsers go on
 * looking for its end.
 */
export class CsvReader {
  readonly #form: CsvForm;
  #text = "";
  #at = 0;
  #line = 1;
  #last = false;
  /** Whether the line that is read is the rest of a row that was too long. */
  #skipping = false;
  /** Where each is next, seen from where: looked for once, and not once per row. */
  #next = nowhere();

  constructor(form: CsvForm) {
    this.#form = form;
  }

  /** The rows that are complete with this piece. */
  *push(piece: string): Generator<CsvRow> {
    this.#text = this.#text.slice(this.#at) + piece;
    this.#at = 0;
    this.#next = nowhere();
    yield* this.#rows();
  }

  /** The row that no line end followed. */
  *end(): Generator<CsvRow> {
    this.#last = true;
    yield* this.#rows();
  }

  *#rows(): Generator<CsvRow> {
    while (this.#at < this.#text.length) {
      if (this.#skipping) {
        if (!this.#skipLine()) return;
        continue;
      }
      const line = this.#line;
      const row = this.#read();
      if (row === null) {
        if (this.#text.length - this.#at <= this.#form.maxRow) return;
        yield this.#broken(
          line,
          `it is longer than ${this.#form.maxRow} characters (max_row_length), or a quote is not closed`,
        );
      } else if (typeof row === "string") yield this.#broken(line, row);
      else if (row.length !== 1 || row[0] !== "") yield { line, fields: row };
    }
  }

  /** The fields of the row, what is wrong with it, or null where its end is not there yet. */
  #read(): string[] | string | null {
    const { delimiter, quote, maxRow } = this.#form;
    const begin = this.#at;
    const fields: string[] = [];
    let at = begin;
    let lines = 1;
    while (true) {
      let end: number;
      if (quote !== "" && this.#text.startsWith(quote, at)) {
        const close = this.#closing(at + 1);
        if (close === null) return this.#last ? "a quote is never closed" : null;
        const value = this.#text.slice(at + 1, close);
        fields.push(value.includes(quote) ? value.replaceAll(quote + quote, quote) : value);
        lines += value.match(/\r\n|\r|\n/g)?.length ?? 0;
        end = close + 1;
      } else {
        end = Math.min(this.#find("delimiter", delimiter, at), this.#lineEnd(at));
        fields.push(this.#text.slice(at, end));
      }
      if (end >= this.#text.length) {
        if (!this.#last) return null;
        if (end - begin > maxRow) return `it is longer than ${maxRow} characters (max_row_length)`;
        return this.#take(fields, this.#text.length, lines);
      }
      if (this.#text.startsWith(delimiter, end)) {
        at = end + delimiter.length;
        // A delimiter at the very end has an empty field behind it.
        if (at >= this.#text.length && !this.#last) return null;
        continue;
      }
      const cr = this.#text[end] === "\r";
      if (!cr && this.#text[end] !== "\n") {
        if (this.#text.length - end < delimiter.length && !this.#last) return null;
        return `after a closing quote comes ${JSON.stringify(this.#text[end])}`;
      }
      if (cr && end + 1 >= this.#text.length && !this.#last) return null;
      if (end - begin > maxRow) return `it is longer than ${maxRow} characters (max_row_length)`;
      return this.#take(fields, end + (cr && this.#text[end + 1] === "\n" ? 2 : 1), lines);
    }
  }

  #take(fields: string[], next: number, lines: number): string[] {
    this.#at = next;
    this.#line += lines;
    return fields;
  }

  #closing(from: number): number | null {
    const { quote } = this.#form;
    for (let at = from; ; ) {
      const found = this.#find("quote", quote, at);
      if (found >= this.#text.length) return null;
      if (!this.#text.startsWith(quote, found + 1)) return found + 1 < this.#text.length || this.#last ? found : null;
      at = found + 2;
    }
  }

  /** The row's first line is given up; what follows it may be rows. */
  #broken(line: number, error: string): CsvRow {
    const text = this.#text.slice(this.#at, Math.min(this.#lineEnd(this.#at), this.#at + 1000));
    this.#skipping = true;
    this.#skipLine();
    return { line, error, text };
  }

  /** False where the line does not end in this text. */
  #skipLine(): boolean {
    const end = this.#lineEnd(this.#at);
    const cr = this.#text[end] === "\r";
    if (end >= this.#text.length || (cr && end + 1 >= this.#text.length && !this.#last)) {
      this.#at = Math.min(end, this.#text.length);
      return this.#last && end >= this.#text.length;
    }
    this.#at = end + (cr && this.#text[end + 1] === "\n" ? 2 : 1);
    this.#line += 1;
    this.#skipping = false;
    return true;
  }

  #lineEnd(at: number): number {
    return Math.min(this.#find("cr", "\r", at), this.#find("lf", "\n", at));
  }

  /** The text's length where there is none. */
  #find(name: "delimiter" | "quote" | "cr" | "lf", what: string, at: number): number {
    const { from, found } = this.#next[name];
    if (at >= from && at <= found) return found;
    const next = this.#text.indexOf(what, at);
    const place = { from: at, found: next < 0 ? this.#text.length : next };
    this.#next[name] = place;
    return place.found;
  }
}

function nowhere() {
  const place = { from: 0, found: -1 };
  return { delimiter: place, quote: place, cr: place, lf: place };
}
