/** What a new config begins with, as it stands in the address. */
export interface Beginning {
  /** The type of an adapter, whose example it is. */
  readonly adapter?: string;
}

/** Reads from an address what a new config begins with. */
export function readBeginning({ adapter }: Record<string, unknown>): Beginning {
  return typeof adapter === "string" && adapter !== "" ? { adapter } : {};
}
