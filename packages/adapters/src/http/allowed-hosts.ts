/** A host as it is named in a list: `name`, `name:port`, `*.name`, an address, `[address]:port`. */
interface Entry {
  readonly host: string;
  /** Whether names below `host` are meant, instead of it. */
  readonly below: boolean;
  readonly port: string | null;
}

/** Hosts that requests may go to although their addresses are not public ones. */
export class AllowedHosts {
  readonly #entries: readonly Entry[];

  /** @throws RangeError where one of them cannot be read */
  constructor(names: readonly string[]) {
    this.#entries = names.map((name) => {
      const entry = parse(name);
      if (entry === null) throw new RangeError(`"${name}" is no host`);
      return entry;
    });
  }

  /** Whether it says that `hostname`, as a URL has it, may be connected to at `port`, wherever it leads. */
  has(hostname: string, port: string): boolean {
    const host = bare(hostname);
    return this.#entries.some(
      (entry) =>
        (entry.below ? host.endsWith(`.${entry.host}`) : host === entry.host) &&
        (entry.port === null || entry.port === port),
    );
  }
}

/** Whether a text names a host as the list takes it. */
export function isHostName(text: string): boolean {
  return parse(text) !== null;
}

function parse(text: string): Entry | null {
  const below = text.startsWith("*.");
  const name = below ? text.slice(2) : text;
  // An IPv6 address without brackets has colons of its own.
  const literal = /^[0-9a-f:]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(name) ? `[${name}]` : name;
  if (!/^(?:\[[0-9a-f:.]+\]|[^\s/?#@\\[\]:*]+)(?::\d{1,5})?$/i.test(literal)) return null;
  const port = /:(\d+)$/.exec(literal)?.[1] ?? null;
  const url = URL.parse(`http://${literal}`);
  if (url === null || (port !== null && Number(port) > 65_535)) return null;
  return { host: bare(url.hostname), below, port };
}

/** As it is compared: without brackets, and without the dot that ends a full name. */
function bare(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
}
