import cliTruncate from "cli-truncate";
import stringWidth from "string-width";

/** Columns that a text takes on a terminal: two for a letter of East Asia or an emoji, none for colours and marks. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

/** A text in at most so many columns, with `…` where it was longer; `from` is where it is cut. Colours stay. */
export function clip(text: string, columns: number, from: "end" | "middle" = "end"): string {
  if (columns < 1) return "";
  const clipped = cliTruncate(text, columns, { position: from });
  // A wide letter that lies across the edge is left standing: then it takes one column more than there are.
  return widthOf(clipped) <= columns ? clipped : cliTruncate(text, columns - 1, { position: from });
}

/** A text in exactly so many columns: shorter ones are filled up. */
export function fit(text: string, columns: number, align: "left" | "right" = "left"): string {
  const clipped = clip(text, columns, "middle");
  const space = " ".repeat(Math.max(0, columns - widthOf(clipped)));
  return align === "left" ? clipped + space : space + clipped;
}
