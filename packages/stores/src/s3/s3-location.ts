import { MillraceError } from "@millrace/protocol";
import { isKey } from "../files/object-key.ts";

/** Where objects are: a bucket of a server that speaks S3's protocol. Without credentials. */
export interface S3Location {
  readonly bucket: string;
  /** Before every key: empty, or ends with a slash. */
  readonly prefix: string;
  /** The server's URL; null: Amazon's of the region. */
  readonly endpoint: string | null;
  readonly region: string;
  /** Whether the bucket is the first part of the path, not of the host's name. */
  readonly pathStyle: boolean;
}

/** Names of the variables that say the region where the URL does not. */
type RegionVariables = Readonly<Record<string, string | undefined>>;

const EXAMPLE = "s3://bucket/prefix?endpoint=https://host&region=name";

const PARAMETERS = ["endpoint", "region", "path_style"];

/** With room for a route, a stage and a name: S3 takes 1,024 bytes with the prefix. */
const MAX_PREFIX_BYTES = 512;

/**
 * Reads `s3://bucket/prefix?endpoint=…&region=…&path_style=…`. Without a region, that of `AWS_REGION` or
 * `AWS_DEFAULT_REGION`, or `us-east-1`; with an endpoint, the bucket is in the path unless `path_style` is `false`.
 * @throws MillraceError SETTING_INVALID; its message does not repeat the URL, which might hold a secret by mistake
 */
export function parseS3Url(text: string, environment: RegionVariables = {}): S3Location {
  if (!URL.canParse(text)) throw invalid(`expected a URL as ${EXAMPLE}`);
  const url = new URL(text);
  if (url.protocol !== "s3:") throw invalid(`expected a URL as ${EXAMPLE}`);
  if (url.username !== "" || url.password !== "") {
    throw invalid("credentials belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, not into the URL");
  }
  for (const name of url.searchParams.keys()) {
    if (!PARAMETERS.includes(name)) {
      throw invalid(`"${name.slice(0, 40)}" is none of ${PARAMETERS.join(", ")}`);
    }
  }
  const endpoint = endpointOf(url.searchParams.get("endpoint"));
  return {
    bucket: bucketOf(url.host),
    prefix: prefixOf(url.pathname),
    endpoint,
    region: regionOf(url.searchParams.get("region") || environment.AWS_REGION || environment.AWS_DEFAULT_REGION),
    pathStyle: pathStyleOf(url.searchParams.get("path_style")) ?? endpoint !== null,
  };
}

function bucketOf(host: string): string {
  if (!/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/.test(host)) {
    throw invalid("the bucket's name has 3 to 63 small letters, digits, dots and hyphens");
  }
  return host;
}

function prefixOf(pathname: string): string {
  let path: string;
  try {
    path = decodeURIComponent(pathname).replace(/^\/+|\/+$/g, "");
  } catch {
    throw invalid("the prefix has a % that is not followed by two hexadecimal digits");
  }
  if (path === "") return "";
  if (!isKey(path) || Buffer.byteLength(path) > MAX_PREFIX_BYTES) {
    throw invalid(`the prefix is names between single slashes, at most ${MAX_PREFIX_BYTES} bytes`);
  }
  return `${path}/`;
}

function endpointOf(text: string | null): string | null {
  if (text === null || text === "") return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol) || url.search !== "" || url.hash !== "") {
    throw invalid("`endpoint` is a URL as https://host:port");
  }
  if (url.username !== "" || url.password !== "") {
    throw invalid("credentials belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, not into `endpoint`");
  }
  return url.href.replace(/\/$/, "");
}

function regionOf(text: string | undefined): string {
  if (text === undefined) return "us-east-1";
  if (!/^[A-Za-z0-9-]{1,64}$/.test(text)) throw invalid("`region` has letters, digits and hyphens");
  return text;
}

function pathStyleOf(text: string | null): boolean | null {
  if (text === null) return null;
  if (text === "true" || text === "false") return text === "true";
  throw invalid("`path_style` is `true` or `false`");
}

function invalid(reason: string): MillraceError {
  return new MillraceError("SETTING_INVALID", `objects_url: ${reason}.`);
}
