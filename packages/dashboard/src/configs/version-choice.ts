/** Which two versions an address compares. */
export interface VersionChoice {
  readonly from?: number;
  readonly to?: number;
}

/** Reads the two versions from an address; what is no version is left out. */
export function readVersionChoice(search: Record<string, unknown>): VersionChoice {
  const read = (name: "from" | "to") => {
    const version = Number(search[name]);
    return Number.isInteger(version) && version > 0 ? { [name]: version } : {};
  };
  return { ...read("from"), ...read("to") };
}
