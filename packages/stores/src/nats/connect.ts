import { MillraceError } from "@millrace/protocol";
import { type ConnectionOptions, connect, type NatsConnection } from "@nats-io/transport-node";
import type { NatsAddress } from "./nats-url.ts";

/** The oldest server that can do what is asked of it. */
const OLDEST_VERSION = [2, 9, 4] as const;

/** A server that does not answer pings for twice so long is left, in milliseconds. */
const PING_MS = 2_000;

/** Between attempts to get to NATS again, in milliseconds: the longer it is away, the rarer. */
const MIN_PAUSE_MS = 50;
const MAX_PAUSE_MS = 2_000;

/** What a connection is opened with. */
export interface ConnectRequest {
  readonly address: NatsAddress;
  /** How NATS names the connection to its operators. */
  readonly name: string;
  /** Replies go to subjects that begin so. */
  readonly inboxPrefix: string;
  /** How long one server may take to answer at the start, in milliseconds. */
  readonly timeoutMs: number;
  /** For how long NATS has been away, in milliseconds; 0 while it is there. */
  readonly awayMs: () => number;
}

/**
 * Opens a connection that comes back by itself from then on, however long NATS was away.
 * @throws MillraceError STORE_UNREACHABLE
 */
export async function connectNats(request: ConnectRequest): Promise<NatsConnection> {
  const { address } = request;
  let connection: NatsConnection;
  try {
    connection = await connect(optionsOf(request));
  } catch (error) {
    throw unreachable(address, error);
  }
  const version = connection.info?.version ?? "";
  if (!isRecent(version)) {
    await connection.close();
    throw new MillraceError(
      "STORE_UNREACHABLE",
      `The NATS server at ${address.shown} is of version ${version || "unknown"}, which is too old. Update it to ${OLDEST_VERSION.join(".")} or later.`,
    );
  }
  return connection;
}

function optionsOf({ address, name, inboxPrefix, timeoutMs, awayMs }: ConnectRequest): ConnectionOptions {
  const { servers, tls, user, pass, token } = address;
  return {
    servers: [...servers],
    name,
    inboxPrefix,
    timeout: timeoutMs,
    pingInterval: PING_MS,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    // A password that is changed on both sides is not changed at the same moment.
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    // Spread, so that not all nodes come back at once.
    reconnectDelayHandler: () =>
      Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, awayMs() / 4)) * (0.5 + Math.random() / 2),
    ...(tls ? { tls: {} } : {}),
    ...(user === undefined ? {} : { user }),
    ...(pass === undefined ? {} : { pass }),
    ...(token === undefined ? {} : { token }),
  };
}

function isRecent(version: string): boolean {
  const parts = version.split(/[.-]/).slice(0, 3).map(Number);
  for (const [index, least] of OLDEST_VERSION.entries()) {
    const part = parts[index] ?? Number.NaN;
    if (part !== least) return part > least;
  }
  return true;
}

function unreachable({ shown, user, token }: NatsAddress, error: unknown): MillraceError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name === "AuthorizationError") {
    const given = user === undefined && token === undefined ? "without credentials" : "with the credentials given";
    return new MillraceError(
      "STORE_UNREACHABLE",
      `The NATS server at ${shown} takes no connection ${given}. Put those of an account of it into the address: nats://user:password@host:port.`,
    );
  }
  return new MillraceError(
    "STORE_UNREACHABLE",
    `No NATS server answers at ${shown} (${message || name}). Start it, or correct the address.`,
    { cause: error },
  );
}
