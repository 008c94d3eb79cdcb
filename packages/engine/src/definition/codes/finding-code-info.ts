import type { Finding } from "@millrace/protocol";

/** What the registry says of one code. */
export interface FindingCodeInfo {
  readonly severity: Finding["severity"];
  /** A few words. */
  readonly title: string;
  /** A paragraph: when it is given and why it matters. Markdown. */
  readonly explanation: string;
  /** A document in which it is found. */
  readonly example: string;
  /** What to show instead of an example that is too long, or not to be printed. */
  readonly shownAs?: string;
  /** What to do. Markdown. */
  readonly fix: string;
}
