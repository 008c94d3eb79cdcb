/** One thing that was measured, beside its peer in the same run. */
export interface Measurement {
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer: number;
  readonly peerIs: string;
}

/** Prints measurements as a Markdown table, ready for a page or a note. */
export function report(measurements: readonly Measurement[]): void {
  console.log("| measured | Millrace | peer | ratio | the peer |\n|---|---|---|---|---|");
  for (const { what, unit, ours, peer, peerIs } of measurements) {
    console.log(
      `| ${what} | ${show(ours)} ${unit} | ${show(peer)} ${unit} | ${(ours / peer).toFixed(2)} | ${peerIs} |`,
    );
  }
}

/** The median of an odd number of runs. */
export async function median(runs: number, measure: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let run = 0; run < runs; run += 1) values.push(await measure());
  values.sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? Number.NaN;
}

function show(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** Prints a table in Markdown. */
export function printTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  console.log([line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n"));
}

/** Tells of a row that is done, on stderr: a table is printed when it is whole, and that takes minutes. */
export function progress(row: readonly (string | number)[]): void {
  console.error(row.join("  "));
}
