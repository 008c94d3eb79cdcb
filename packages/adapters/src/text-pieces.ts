/** Part of a text, and where it stands in it: from where up to where, in UTF-16 code units. */
export interface TextPiece {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Where pieces of a text stand in it, in their order; they may overlap, and each goes beyond the one before. */
export function placesOf(text: string, pieces: readonly string[]): TextPiece[] {
  let start = 0;
  let end = 0;
  return pieces.map((piece) => {
    start = text.indexOf(piece, Math.max(start, end - piece.length + 1));
    end = start + piece.length;
    return { text: piece, start, end };
  });
}

/** Pieces of so many sentences, of which each repeats so many of the one before; without the space around them. */
export function sentencesOf(text: string, size: number, overlap: number, locale: string): TextPiece[] {
  const sentences = Array.from(new Intl.Segmenter(locale, { granularity: "sentence" }).segment(text)).filter(
    ({ segment }) => segment.trim() !== "",
  );
  const pieces: TextPiece[] = [];
  for (let from = 0; from < sentences.length; from += size - overlap) {
    const first = sentences[from];
    const last = sentences[Math.min(from + size, sentences.length) - 1];
    if (first === undefined || last === undefined) break;
    const whole = text.slice(first.index, last.index + last.segment.length);
    const start = first.index + whole.length - whole.trimStart().length;
    const piece = whole.trim();
    pieces.push({ text: piece, start, end: start + piece.length });
    if (from + size >= sentences.length) break;
  }
  return pieces;
}
