/** Turns offsets into a text into lines and columns, both from 1; columns count UTF-16 units, as editors do. */
export class LineIndex {
  readonly #starts: number[] = [0];
  readonly #end: number;

  constructor(text: string) {
    this.#end = text.trimEnd().length;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.#starts.push(at + 1);
  }

  /** An offset in the white space after the last character is moved to that character's end: it is on no visible line. */
  position(offset: number): { line: number; column: number } {
    const wanted = Math.max(0, Math.min(offset, this.#end));
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] ?? 0) <= wanted) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: wanted - (this.#starts[low] ?? 0) + 1 };
  }
}
