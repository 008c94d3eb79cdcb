/** A row as the driver returns it: numbers of eight bytes as numbers, all else that this store asks for as text. */
export type Row = Readonly<Record<string, unknown>>;

/** A column that may be null. */
export function text(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}
