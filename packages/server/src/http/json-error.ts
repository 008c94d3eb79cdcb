/** Where a text stops being JSON, and why. */
export interface JsonError {
  /** In characters, from 0. */
  readonly position: number;
  readonly message: string;
}

/**
 * Finds the first error in a text that `JSON.parse` refused: its own messages do not always tell the place, and the
 * contract's `loc` needs it. The messages are those of the framework whose error format this is.
 */
export function findJsonError(text: string): JsonError {
  const scanner = new Scanner(text);
  try {
    scanner.skipSpace();
    scanner.value();
    scanner.skipSpace();
    if (scanner.at < text.length) scanner.fail("Extra data", scanner.at);
  } catch (error) {
    if (error instanceof Found) return error.found;
    throw error;
  }
  // JSON.parse and this scanner disagree: the place is unknown.
  return { position: 0, message: "Expecting value" };
}

class Found extends Error {
  readonly found: JsonError;

  constructor(found: JsonError) {
    super(found.message);
    this.found = found;
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;

/** A recursive descent; its caller has bounded the depth. */
class Scanner {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  fail(message: string, position: number): never {
    throw new Found({ position, message });
  }

  skipSpace(): void {
    while (" \t\n\r".includes(this.#text[this.at] ?? "x")) this.at += 1;
  }

  value(): void {
    switch (this.#text[this.at]) {
      case "{":
        this.#object();
        break;
      case "[":
        this.#array();
        break;
      case '"':
        this.#string();
        break;
      default:
        if (!this.#match(NUMBER) && !this.#match(WORD)) this.fail("Expecting value", this.at);
    }
  }

  #object(): void {
    this.at += 1;
    this.skipSpace();
    if (this.#take("}")) return;
    while (true) {
      if (this.#text[this.at] !== '"') this.fail("Expecting property name enclosed in double quotes", this.at);
      this.#string();
      this.skipSpace();
      if (!this.#take(":")) this.fail("Expecting ':' delimiter", this.at);
      this.skipSpace();
      this.value();
      this.skipSpace();
      if (this.#take("}")) return;
      if (!this.#take(",")) this.fail("Expecting ',' delimiter", this.at);
      this.skipSpace();
    }
  }

  #array(): void {
    this.at += 1;
    this.skipSpace();
    if (this.#take("]")) return;
    while (true) {
      this.value();
      this.skipSpace();
      if (this.#take("]")) return;
      if (!this.#take(",")) this.fail("Expecting ',' delimiter", this.at);
      this.skipSpace();
    }
  }

  #string(): void {
    const start = this.at;
    for (this.at += 1; this.at < this.#text.length; this.at += 1) {
      const char = this.#text[this.at] ?? "";
      if (char === '"') {
        this.at += 1;
        return;
      }
      if (char < " ") this.fail("Invalid control character at", this.at);
      if (char === "\\") this.#escape();
    }
    this.fail("Unterminated string starting at", start);
  }

  #escape(): void {
    const start = this.at;
    this.at += 1;
    const char = this.#text[this.at];
    if (char === "u") {
      if (!/^[0-9a-fA-F]{4}$/.test(this.#text.slice(this.at + 1, this.at + 5))) {
        this.fail("Invalid \\uXXXX escape", this.at);
      }
      this.at += 4;
    } else if (char !== undefined && !'"\\/bfnrt'.includes(char)) this.fail("Invalid \\escape", start);
  }

  #take(char: string): boolean {
    if (this.#text[this.at] !== char) return false;
    this.at += 1;
    return true;
  }

  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.#text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }
}
