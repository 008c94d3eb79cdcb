/**
 * The one registry of error codes. At the HTTP edge a code becomes the contract's `ErrorResponse` with this status; in
 * the CLI it becomes this exit code.
 */
export const ERROR_CODES = {
  EXECUTION_NOT_FOUND: { status: 404, exit: 4, summary: "No execution has this id or tag." },
  CONFIG_NOT_FOUND: { status: 404, exit: 4, summary: "No config has this id." },
  MESSAGE_NOT_FOUND: { status: 404, exit: 4, summary: "There is no message with this id." },
  NOTHING_TO_REPLAY: { status: 404, exit: 4, summary: "What was to be replayed is not there." },
  OBJECT_NOT_FOUND: { status: 404, exit: 4, summary: "There is no object with this key." },
  PAYLOADS_MISSING: { status: 404, exit: 4, summary: "Payloads of messages that were to be replayed are not kept." },
  COLLECTION_NOT_FOUND: { status: 404, exit: 4, summary: "There is no collection of this name." },
  ADAPTER_NOT_FOUND: { status: 404, exit: 4, summary: "No adapter has this type." },
  TRIGGER_NOT_FOUND: { status: 404, exit: 4, summary: "No trigger has this id, or its URL has another secret." },
  WEBHOOK_NOT_FOUND: { status: 404, exit: 4, summary: "No webhook has this id." },
  DELIVERY_NOT_FOUND: { status: 404, exit: 4, summary: "The webhook has no delivery of this id." },
  KEY_NOT_FOUND: { status: 404, exit: 4, summary: "There is no API key with this id." },
  ROUTE_NOT_FOUND: { status: 404, exit: 4, summary: "The service has no such path." },
  METHOD_NOT_ALLOWED: { status: 405, exit: 2, summary: "The path exists, but not with this method." },
  NOT_ACCEPTABLE: {
    status: 406,
    exit: 2,
    summary: "The Accept header rules out every type that the path can answer with.",
  },
  UNAUTHENTICATED: {
    status: 401,
    exit: 8,
    summary: "The request has no credential, or one that is wrong, expired or revoked.",
  },
  FORBIDDEN: { status: 403, exit: 8, summary: "The credential does not allow this." },
  PRECONDITION_FAILED: { status: 412, exit: 5, summary: "What is there is not what the request's condition says." },
  RANGE_NOT_SATISFIABLE: { status: 416, exit: 2, summary: "The object has none of the bytes that were asked for." },
  REQUEST_MALFORMED: { status: 400, exit: 2, summary: "The request is not well-formed HTTP." },
  REQUEST_TIMEOUT: { status: 408, exit: 2, summary: "The request did not arrive in time." },
  PAYLOAD_TOO_LARGE: { status: 413, exit: 2, summary: "The request's body is larger than the service takes." },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, exit: 2, summary: "The request's body is not of a type that the path takes." },
  HEADERS_TOO_LARGE: { status: 431, exit: 2, summary: "The request's head is larger than the service takes." },
  CONFIG_UNPARSABLE: { status: 400, exit: 3, summary: "The YAML cannot be parsed." },
  CONFIG_INVALID: { status: 400, exit: 3, summary: "The pipeline has findings of severity error." },
  CONFIG_INACTIVE: { status: 400, exit: 3, summary: "The config is not active." },
  STATUS_CHANGE_NOT_ALLOWED: { status: 400, exit: 5, summary: "The execution's status does not allow this change." },
  ROUTE_NOT_IN_PIPELINE: { status: 400, exit: 3, summary: "The pipeline has no route of this name." },
  TOO_MANY_MESSAGES: { status: 400, exit: 2, summary: "A replay would begin with more messages than one may." },
  VECTOR_INVALID: {
    status: 400,
    exit: 2,
    summary: "A vector has other dimensions than those of its collection, or no direction.",
  },
  SEARCH_NOT_POSSIBLE: {
    status: 400,
    exit: 2,
    summary: "The collection cannot be searched so: it has no vectors, or nothing that embeds what is searched for.",
  },
  COLLECTION_MISMATCH: { status: 409, exit: 5, summary: "A collection of this name is there, of another language." },
  MESSAGE_NOT_FAILED: { status: 409, exit: 5, summary: "The message is not failed, or was retried already." },
  CONFIG_CHANGED: { status: 409, exit: 5, summary: "The config has another version than the one that was expected." },
  EXECUTION_RUNNING: { status: 409, exit: 5, summary: "The execution is still running." },
  TRIGGER_CHANGED: { status: 409, exit: 5, summary: "Somebody else has changed the trigger or webhook meanwhile." },
  KEY_NOT_LIVE: { status: 409, exit: 5, summary: "The API key is revoked, expired, or rotated already." },
  TRIGGER_DISABLED: { status: 409, exit: 5, summary: "The trigger or webhook is disabled." },
  DELIVERY_PENDING: { status: 409, exit: 5, summary: "The delivery is still to be made." },
  TAG_TAKEN: { status: 409, exit: 5, summary: "Another execution has this tag." },
  IDEMPOTENCY_KEY_REUSED: { status: 409, exit: 5, summary: "The idempotency key was used for another config." },
  TOO_MANY_EXECUTIONS: { status: 429, exit: 6, summary: "As many executions as allowed are running." },
  RATE_LIMITED: { status: 429, exit: 6, summary: "More requests, streams or bytes than one key or address may have." },
  TOO_MANY_SUBSCRIBERS: { status: 503, exit: 6, summary: "As many streams as allowed are open." },
  STREAMER_UNAVAILABLE: {
    status: 503,
    exit: 6,
    summary: "The event streamer is not available: shutting down, or the journal unreachable.",
  },
  SERVICE_UNAVAILABLE: { status: 503, exit: 6, summary: "The service is shutting down, or cannot reach its store." },
  STORE_UNREACHABLE: { status: 503, exit: 6, summary: "The database or the message broker cannot be reached." },
  NODE_UNREACHABLE: { status: 503, exit: 6, summary: "The node that works on the execution does not answer." },
  EXECUTION_MOVED: { status: 503, exit: 6, summary: "Another node works on the execution by now." },
  EMBEDDING_UNAVAILABLE: {
    status: 503,
    exit: 6,
    summary: "The model that embeds what is searched for does not answer, or not as it should.",
  },
  STORE_DAMAGED: { status: 503, exit: 6, summary: "The database is damaged: a backup has to be restored." },
  LINEAGE_NOT_READY: { status: 503, exit: 6, summary: "The lineage is still being read off the journal." },
  SETTING_INVALID: { status: 500, exit: 2, summary: "A setting has a value that does not fit." },
  DATA_DIR_IN_USE: { status: 500, exit: 6, summary: "Another process works on this data directory." },
  DATA_DIR_UNUSABLE: { status: 500, exit: 6, summary: "The data directory cannot be read or written." },
  BACKUP_INVALID: {
    status: 500,
    exit: 2,
    summary: "The file is no backup, or not a whole one, or of a newer Millrace.",
  },
  BACKUP_FAILED: { status: 500, exit: 6, summary: "A backup cannot be written, or not be restored." },
  TARGET_EXISTS: {
    status: 500,
    exit: 5,
    summary: "What a backup would be written to, or restored into, is there already.",
  },
  ADAPTER_INVALID: { status: 500, exit: 3, summary: "A user-written adapter cannot be loaded." },
  INTERNAL: { status: 500, exit: 70, summary: "A fault of the service itself." },
} as const satisfies Record<string, { status: number; exit: number; summary: string }>;

/** A code of the registry. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** An error with a code of the registry and a message for a person; thrown only where it crosses a boundary. */
export class MillraceError extends Error {
  override readonly name = "MillraceError";
  readonly code: ErrorCode;
  /** More for a machine; at the HTTP edge it stands beside `detail`. */
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
  }
}

/**
 * The codes of `error.code` in `failed` events that the engine itself gives. Adapters add their own (for example
 * `FILE_NOT_TEXT`), documented with each adapter.
 */
export const MESSAGE_ERROR_CODES = {
  ADAPTER_ERROR: "The adapter threw an error without a code.",
  ADAPTER_TIMEOUT: "The adapter neither returned nor yielded within `timeout_seconds`.",
  ADAPTER_EXITED: "The adapter ended the process, or its thread.",
  ADAPTER_OUT_OF_MEMORY: "The adapter used more memory than `thread_heap_mb` allows its thread.",
  CRASH_LOOP: "The process died too often while the message was being worked on.",
  INVALID_EMIT: "The adapter returned something that is not a message.",
  UNKNOWN_ROUTE: "The adapter sent a message to a route that is not there.",
  MESSAGE_TOO_LARGE: "An emitted payload is larger than `max_payload_bytes`.",
  TOO_MANY_EMITS: "A step emitted more messages than `max_emits_per_step`.",
  HOP_LIMIT_EXCEEDED: "A message is more than `limits.max_hops` hops away from the first one.",
  MESSAGE_LIMIT_EXCEEDED: "The execution has more messages than `limits.max_messages`.",
  EXPRESSION_FAILED: "An expression of the configuration failed on this message.",
  CANCELLED: "The execution was stopped while the message was in flight.",
} as const;

/** A code that the engine itself gives to a failed message. */
export type MessageErrorCode = keyof typeof MESSAGE_ERROR_CODES;
