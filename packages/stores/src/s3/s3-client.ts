import { createHash } from "node:crypto";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { MillraceError } from "@millrace/protocol";
import type { S3Location } from "./s3-location.ts";

/** How requests are made. The defaults are for servers in the same region. */
export interface S3ClientOptions {
  /** Milliseconds for a connection to be made. Default 5,000. */
  readonly connectMs?: number;
  /** Milliseconds without an answer, or without another byte of one, after which a request has failed. Default 30,000. */
  readonly silenceMs?: number;
  /** How often a request is tried that fails with a 5xx, `SlowDown`, a time-out or a cut connection. Default 5. */
  readonly attempts?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables by which a platform hands a process credentials that change: of EKS, and of ECS. */
const PLATFORM_VARIABLES = [
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/**
 * A client of a bucket's server. Credentials come from the environment alone: `AWS_ACCESS_KEY_ID`,
 * `AWS_SECRET_ACCESS_KEY` and, where there is one, `AWS_SESSION_TOKEN`; or from what a platform puts there. Requests that
 * failed for a reason that may pass are made again, after pauses with jitter. Whoever makes it destroys it.
 * @throws MillraceError SETTING_INVALID where there are no credentials
 */
export function createS3Client(
  location: S3Location,
  environment: Environment,
  options: S3ClientOptions = {},
): S3Client {
  const client = new S3Client({
    region: location.region,
    forcePathStyle: location.pathStyle,
    followRegionRedirects: location.endpoint === null,
    ...(location.endpoint === null ? {} : { endpoint: location.endpoint }),
    ...credentialsOf(environment),
    maxAttempts: options.attempts ?? 5,
    // Bodies are signed, and kept with their SHA-256: the newer checksums are not known to every server.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      connectionTimeout: options.connectMs ?? 5_000,
      requestTimeout: options.silenceMs ?? 30_000,
      throwOnRequestTimeout: true,
      socketTimeout: options.silenceMs ?? 30_000,
      // A download that a client reads slowly holds a connection: writes do not wait for it.
      httpAgent: { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY },
      httpsAgent: { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY },
    },
  });
  addContentMd5(client);
  return client;
}

function credentialsOf(environment: Environment): Pick<S3ClientConfig, "credentials"> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  if (accessKeyId && secretAccessKey) {
    const { AWS_SESSION_TOKEN: sessionToken } = environment;
    return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) } };
  }
  // The library's own chain reads them, and renews them.
  if (PLATFORM_VARIABLES.some((name) => environment[name])) return {};
  throw new MillraceError(
    "SETTING_INVALID",
    "objects_url: there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, where there is one).",
  );
}

/** Servers that do not know the newer checksums refuse to delete many objects at once without this one. */
function addContentMd5(client: S3Client): void {
  client.middlewareStack.add(
    (next, context) => (args) => {
      const request = args.request;
      if (context.commandName === "DeleteObjectsCommand" && isRequest(request)) {
        request.headers["content-md5"] = createHash("md5").update(request.body).digest("base64");
      }
      return next(args);
    },
    { step: "build", name: "contentMd5", priority: "low" },
  );
}

function isRequest(request: unknown): request is { headers: Record<string, string>; body: string | Uint8Array } {
  return (
    typeof request === "object" &&
    request !== null &&
    "headers" in request &&
    "body" in request &&
    (typeof request.body === "string" || request.body instanceof Uint8Array)
  );
}
