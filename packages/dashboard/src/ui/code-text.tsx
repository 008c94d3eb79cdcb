/** A sentence in which `code` stands in backticks. */
export function CodeText({ text }: { text: string }) {
  return text.split("`").map((part, index) =>
    index % 2 === 0 ? (
      part
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text, which has no others.
      <code key={index}>{part}</code>
    ),
  );
}
