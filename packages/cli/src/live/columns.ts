import { fit, widthOf } from "./text-width.ts";

/** A column of a table that is drawn again and again. */
export interface Column<Row> {
  readonly title: string;
  /** For where there is little room. */
  readonly short?: string;
  readonly align?: "left" | "right";
  /** The least and the most columns of the terminal that it takes; it is shown in full if there is room. */
  readonly min?: number;
  readonly max?: number;
  /** Where there is no room for all, those with the highest go first; 0 always stays. */
  readonly dropped: number;
  cell(row: Row): string;
  paint?(row: Row, text: string): string;
}

/** A table of rows, each line at most `width` columns wide: columns are narrowed first, and then left out. */
export class Columns<Row> {
  readonly #shown: readonly { readonly column: Column<Row>; readonly title: string; readonly width: number }[];
  readonly #gap: string;

  constructor(columns: readonly Column<Row>[], rows: readonly Row[], width: number) {
    const wanted = columns.map((column) => ({
      column,
      least: Math.max(
        column.min ?? 1,
        ...(column.min === undefined ? rows.map((row) => widthOf(column.cell(row))) : []),
      ),
      most: Math.min(
        column.max ?? Number.POSITIVE_INFINITY,
        Math.max(...rows.map((row) => widthOf(column.cell(row))), 0),
      ),
    }));
    const order = [...new Set(columns.map(({ dropped }) => dropped))].sort((a, b) => b - a);
    for (let limit = order.length === 0 ? 0 : (order[0] ?? 0); ; limit -= 1) {
      for (const brief of [false, true]) {
        const gap = brief ? 1 : 2;
        const chosen = wanted.filter(({ column }) => column.dropped <= limit);
        const titled = chosen.map(({ column, least, most }) => {
          const title = brief ? (column.short ?? column.title) : column.title;
          // A title is cut only where its column may be as well.
          const floor = column.min === undefined ? Math.max(least, widthOf(title)) : least;
          return { column, title, floor, ceiling: Math.max(floor, most, widthOf(title)) };
        });
        const free = width - gap * Math.max(0, chosen.length - 1) - titled.reduce((sum, { floor }) => sum + floor, 0);
        if (free < 0 && (limit > 0 || !brief)) continue;
        let left = Math.max(0, free);
        this.#gap = " ".repeat(gap);
        this.#shown = titled.map(({ column, title, floor, ceiling }) => {
          const more = Math.min(left, ceiling - floor);
          left -= more;
          return { column, title, width: floor + more };
        });
        return;
      }
    }
  }

  /** The titles. */
  get head(): string {
    return this.#shown
      .map(({ column, title, width }) => fit(title, width, column.align))
      .join(this.#gap)
      .trimEnd();
  }

  /** A row. */
  line(row: Row): string {
    const cells = this.#shown.map(({ column, width }) => {
      const text = fit(column.cell(row), width, column.align);
      return column.paint === undefined ? text : column.paint(row, text);
    });
    return cells.join(this.#gap).trimEnd();
  }
}
