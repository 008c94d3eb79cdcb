import type { Finding, ValidationReport } from "@millrace/protocol";
import { FINDING_CODES, type FindingCode } from "./codes/finding-codes.ts";
import type { LineIndex } from "./line-index.ts";
import { formatPath, type Path } from "./path.ts";

/** A report has no more findings than these; a last one (`E502`) says that there are more. */
export const MAX_FINDINGS = 1000;

/** What a finding is about. */
export interface Place {
  readonly path: Path;
  /** In the text, from 0. */
  readonly offset: number;
}

/** Gathers the findings on one document. */
export class FindingList {
  readonly #lines: LineIndex;
  readonly #found: { offset: number; finding: Finding }[] = [];
  #overflowed = false;

  constructor(lines: LineIndex) {
    this.#lines = lines;
  }

  /** Adds a finding; its severity is the code's. */
  add(code: FindingCode, place: Place, message: string, suggestion: string | null = null): void {
    if (this.#overflowed) return;
    if (this.#found.length >= MAX_FINDINGS) {
      this.#overflowed = true;
      this.#push(
        "E502",
        { path: [], offset: Number.MAX_SAFE_INTEGER },
        `There are more than ${MAX_FINDINGS} findings; the rest is not shown`,
        "Fix these and validate again.",
      );
      return;
    }
    this.#push(code, place, message, suggestion);
  }

  /** Whether there is no room for more, so that it is no use to go on looking. */
  get full(): boolean {
    return this.#overflowed;
  }

  /** Whether one of them is an error. */
  get hasErrors(): boolean {
    return this.#found.some(({ finding }) => finding.severity === "error");
  }

  /** Errors first, each group in the order of the document. */
  report(): ValidationReport {
    const rank = (finding: Finding) => (finding.severity === "error" ? 0 : 1);
    const issues = this.#found
      .toSorted((a, b) => rank(a.finding) - rank(b.finding) || a.offset - b.offset)
      .map(({ finding }) => finding);
    const errorCount = issues.filter((issue) => issue.severity === "error").length;
    return {
      is_valid: errorCount === 0,
      issues,
      error_count: errorCount,
      warning_count: issues.length - errorCount,
    };
  }

  #push(code: FindingCode, place: Place, message: string, suggestion: string | null): void {
    this.#found.push({
      offset: place.offset,
      finding: {
        severity: FINDING_CODES[code].severity,
        code,
        path: formatPath(place.path),
        ...this.#lines.position(place.offset),
        message,
        suggestion,
      },
    });
  }
}
