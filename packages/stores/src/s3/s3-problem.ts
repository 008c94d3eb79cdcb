import { AdapterError } from "@millrace/engine";
import type { S3Location } from "./s3-location.ts";

/** What is wrong, in words for whoever operates the service. */
export interface S3Problem {
  /**
   * `absent`: there is no such object. `changed`: it is not the version that was asked for any more. `settings`: nothing gets
   * better before somebody changes something. `passing`: it may by itself.
   */
  readonly kind: "absent" | "changed" | "settings" | "passing";
  /** The name that the server or the system gave it. */
  readonly code: string;
  readonly text: string;
}

/** Says what an error of the client means, where, and what to do. Names no credentials. */
export function s3Problem(error: unknown, location: S3Location): S3Problem {
  const { code, status, message } = readError(error);
  const bucket = `the bucket "${location.bucket}"`;
  const server = location.endpoint ?? `Amazon S3 in ${location.region}`;
  const problem = (kind: S3Problem["kind"], text: string): S3Problem => ({ kind, code, text });
  if (code === "NoSuchBucket") {
    return problem("settings", `${bucket} is not there at ${server}: create it, or correct objects_url`);
  }
  if (code === "NoSuchKey" || code === "NotFound" || code === "NoSuchUpload") {
    return problem("absent", `there is none in ${bucket}`);
  }
  if (status === 412 || code === "PreconditionFailed") return problem("changed", "it was replaced meanwhile");
  if (code === "RequestTimeTooSkewed" || code === "RequestExpired") {
    return problem("settings", `this machine's clock and that of ${server} differ too much: set it, as with NTP`);
  }
  if (["InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"].includes(code)) {
    return problem(
      "settings",
      `${server} does not take the credentials (${code}): correct AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN`,
    );
  }
  if (code === "CredentialsProviderError") {
    return problem("settings", "the platform hands out no credentials: look at the AWS_… variables and the role");
  }
  if (status === 401 || status === 403) {
    return problem(
      "settings",
      `${server} denies access to ${bucket} (${code}): its key needs s3:ListBucket, s3:ListBucketMultipartUploads, s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload`,
    );
  }
  if (
    code === "PermanentRedirect" ||
    code === "AuthorizationHeaderMalformed" ||
    code === "IllegalLocationConstraintException"
  ) {
    return problem(
      "settings",
      `${bucket} is in another region than ${location.region}: correct \`region\` in objects_url`,
    );
  }
  if (code === "EntityTooLarge" || code === "KeyTooLongError" || code === "MetadataTooLarge") {
    return problem("settings", `${server} does not take it (${code})`);
  }
  if (code === "SlowDown" || code === "TooManyRequests" || status === 429) {
    return problem("passing", `${server} is asked too much at present (${code})`);
  }
  if (status !== undefined && status >= 500) return problem("passing", `${server} answers ${status} (${code})`);
  if (status !== undefined) return problem("settings", `${server} answers ${status} (${code}): ${message}`);
  return problem("passing", `${server} cannot be reached (${code}): ${message}`);
}

/** The error that an adapter or a reader is told of, for one that the client threw. `done` is as in "cannot be read". */
export function s3Failure(done: string, key: string, error: unknown, location: S3Location): AdapterError {
  if (error instanceof AdapterError) return error;
  const { text } = s3Problem(error, location);
  return new AdapterError(
    "OBJECT_STORE_UNAVAILABLE",
    `The object "${key.slice(0, 200)}" cannot be ${done}: ${text}.`,
    // The library's error has the request with its signature: it goes no further.
    { retryable: true },
  );
}

/** Whether the error says that there is no such object. */
export function isAbsent(error: unknown): boolean {
  return ["NoSuchKey", "NotFound"].includes(readError(error).code);
}

/** Whether the error says that the object is not the version that was asked for: replaced, or deleted. */
export function isOtherVersion(error: unknown): boolean {
  const { code, status } = readError(error);
  return isAbsent(error) || status === 412 || code === "PreconditionFailed" || code === "NoSuchVersion";
}

/** Whether the error says that the server has no such operation. */
export function isNotImplemented(error: unknown): boolean {
  const { code, status } = readError(error);
  return code === "NotImplemented" || code === "MethodNotAllowed" || status === 501 || status === 405;
}

/** Whether the error says that there is no such multipart upload. */
export function isNoUpload(error: unknown): boolean {
  return readError(error).code === "NoSuchUpload";
}

const MESSAGE_LENGTH = 300;

function readError(error: unknown): { code: string; status: number | undefined; message: string } {
  if (typeof error !== "object" || error === null)
    return { code: "Unknown", status: undefined, message: String(error) };
  const metadata = "$metadata" in error ? error.$metadata : undefined;
  const status =
    typeof metadata === "object" && metadata !== null && "httpStatusCode" in metadata
      ? metadata.httpStatusCode
      : undefined;
  const text = (name: string) => {
    // Read by name from an object of any shape; checked right here.
    const value = (error as Record<string, unknown>)[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  // A connection that failed on all of a host's addresses has an empty message, and one error for each.
  const first = "errors" in error && Array.isArray(error.errors) ? error.errors[0] : undefined;
  const inner = first instanceof Error ? first.message : undefined;
  return {
    code: text("code") ?? text("Code") ?? text("name") ?? "Unknown",
    status: typeof status === "number" ? status : undefined,
    message: (text("message") ?? inner ?? "no reason was given").slice(0, MESSAGE_LENGTH),
  };
}
