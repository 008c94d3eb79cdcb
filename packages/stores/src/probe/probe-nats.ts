import { MillraceError } from "@millrace/protocol";
import { JetStreamApiError, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { connectNats } from "../nats/connect.ts";
import { openNatsBus } from "../nats/nats-bus.ts";
import { parseNatsUrl } from "../nats/nats-url.ts";
import { CONSUMER, streamName, TASK_STREAM_BYTES } from "../nats/task-stream.ts";

/** The work queue of the service. */
export interface QueueProbe {
  readonly stream: string;
  readonly tasks: number;
  readonly replicas: number;
  /** Followers that are not there, or are not up to date. */
  readonly lagging: number;
  /** Tasks that no node has taken yet, and those that one works on; null where no node has made its consumer. */
  readonly waiting: { readonly pending: number; readonly inWork: number } | null;
}

/** What a look at the broker found. Nothing there was changed. */
export type NatsProbe =
  | { readonly kind: "unreachable"; readonly message: string }
  | {
      readonly kind: "reached";
      readonly version: string;
      readonly maxPayload: number;
      /** Null, or why JetStream cannot be used. */
      readonly jetStreamFault: string | null;
      /** Bytes that the account may still keep in files; null: no limit of its own. */
      readonly freeBytes: number | null;
      /** Null where the service has no queue there yet. */
      readonly queue: QueueProbe | null;
    };

/** Milliseconds that a server may take to answer. */
const CONNECT_MS = 5_000;

/** Room that the work queue sets aside, in bytes. */
export const QUEUE_BYTES = TASK_STREAM_BYTES;

/**
 * Connects, looks and leaves. `clusterId`: of the service whose queue is looked at; null where it is not known. The message
 * says what to do, and shows no credentials.
 */
export async function probeNats(url: string, clusterId: string | null): Promise<NatsProbe> {
  const prefix = `millrace.${clusterId ?? "doctor"}`;
  let connection: NatsConnection | undefined;
  try {
    // Which finds out whether the account may publish and subscribe.
    await (await openNatsBus({ servers: url, prefix, name: "millrace doctor", connectTimeoutMs: CONNECT_MS })).close();
    connection = await connectNats({
      address: parseNatsUrl(url),
      name: "millrace doctor",
      inboxPrefix: `${prefix}.inbox`,
      timeoutMs: CONNECT_MS,
      awayMs: () => 0,
    });
    return await look(connection, prefix);
  } catch (error) {
    if (error instanceof MillraceError) return { kind: "unreachable", message: error.message };
    throw error;
  } finally {
    await connection?.close();
  }
}

async function look(connection: NatsConnection, prefix: string): Promise<NatsProbe> {
  const { info } = connection;
  const server = {
    kind: "reached",
    version: info?.version ?? "unknown",
    maxPayload: info?.max_payload ?? 0,
  } as const;
  try {
    const manager = await jetstreamManager(connection);
    const { limits, storage } = await manager.getAccountInfo();
    const freeBytes = limits.max_storage < 0 ? null : limits.max_storage - storage;
    return { ...server, jetStreamFault: null, freeBytes, queue: await queueOf(connection, prefix) };
  } catch (error) {
    return { ...server, jetStreamFault: messageOf(error), freeBytes: null, queue: null };
  }
}

async function queueOf(connection: NatsConnection, prefix: string): Promise<QueueProbe | null> {
  const manager = await jetstreamManager(connection);
  const stream = streamName(prefix);
  const there = async <T>(asked: Promise<T>): Promise<T | null> => {
    try {
      return await asked;
    } catch (error) {
      if (error instanceof JetStreamApiError) return null;
      throw error;
    }
  };
  const info = await there(manager.streams.info(stream));
  if (info === null) return null;
  const consumer = await there(manager.consumers.info(stream, CONSUMER));
  return {
    stream,
    tasks: info.state.messages,
    replicas: info.config.num_replicas,
    lagging: info.cluster?.replicas?.filter(({ current }) => !current).length ?? 0,
    waiting: consumer === null ? null : { pending: consumer.num_pending, inWork: consumer.num_ack_pending },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
