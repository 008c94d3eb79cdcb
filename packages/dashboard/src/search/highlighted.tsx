import { Mark } from "@mantine/core";
import type { SearchResult } from "@millrace/client";
import type { ReactNode } from "react";

/** Part of a text, with what of it was searched for. */
export function Highlighted({ snippet: { text, highlights } }: { snippet: SearchResult["snippet"] }) {
  const parts: ReactNode[] = [];
  let at = 0;
  for (const [start = 0, end = 0] of highlights) {
    parts.push(text.slice(at, start), <Mark key={start}>{text.slice(start, end)}</Mark>);
    at = end;
  }
  return (
    <>
      {parts}
      {text.slice(at)}
    </>
  );
}
