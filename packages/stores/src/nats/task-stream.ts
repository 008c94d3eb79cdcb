import { MillraceError } from "@millrace/protocol";
import {
  AckPolicy,
  type ConsumerConfig,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from "@nats-io/jetstream";
import { type NatsConnection, nanos } from "@nats-io/transport-node";

/** The consumer that all nodes share. */
export const CONSUMER = "workers";

/** How many replicas there are where the cluster has the servers, and it was not said otherwise. */
const REPLICAS = 3;

/** Room of the stream, in bytes, which JetStream sets aside: tasks are pointers of a few hundred bytes. */
export const TASK_STREAM_BYTES = 64 * 1024 * 1024;

/** A put that is tried again is told from another for so long, in milliseconds. */
const DUPLICATES_MS = 120_000;

/** JetStream's codes: the stream, or the consumer, is not there. */
const STREAM_NOT_FOUND = 10059;
const CONSUMER_NOT_FOUND = 10014;

/** The stream is there by now, in another form. */
const NAME_IN_USE = 10058;

/** There are not as many servers as there should be replicas. */
const TOO_FEW_SERVERS = new Set([10005, 10074]);

/** What a work queue is to be like. */
export interface TaskStreamOptions {
  /** Milliseconds after which a task that is neither extended nor done is given to another. */
  readonly redeliverAfterMs: number;
  /** Copies of a task, on as many servers; null: three where the cluster has them, else one. */
  readonly replicas: number | null;
  /** Tasks that the queue holds at most. */
  readonly maxTasks: number;
}

/** The stream and the consumer of a service's work queue. */
export class TaskStream {
  readonly name: string;
  readonly subject: string;
  readonly #manager: JetStreamManager;
  readonly #options: TaskStreamOptions;
  readonly #clustered: boolean;

  private constructor(manager: JetStreamManager, prefix: string, clustered: boolean, options: TaskStreamOptions) {
    this.#manager = manager;
    this.#clustered = clustered;
    this.#options = options;
    this.name = streamName(prefix);
    this.subject = `${prefix}.tasks`;
  }

  /** @throws MillraceError STORE_UNREACHABLE where JetStream is not enabled */
  static async open(connection: NatsConnection, prefix: string, options: TaskStreamOptions): Promise<TaskStream> {
    try {
      const manager = await jetstreamManager(connection);
      return new TaskStream(manager, prefix, connection.info?.cluster !== undefined, options);
    } catch (error) {
      throw noJetStream(connection, error);
    }
  }

  /** Whether there is no stream. Throws where JetStream cannot be asked. */
  async gone(): Promise<boolean> {
    return (await this.#streamInfo()) === null;
  }

  /**
   * Makes the stream and the consumer, or brings what is there into the form that it is to have: any node may do so, and
   * several at once. Resolves with the time at which the stream was made: another one means that it was made anew.
   * @throws MillraceError STORE_UNREACHABLE
   */
  async ensure(): Promise<{ readonly created: string; readonly replicas: number }> {
    try {
      const info = await this.#ensureStream();
      await this.#ensureConsumer();
      return { created: info.created, replicas: info.config.num_replicas };
    } catch (error) {
      throw new MillraceError(
        "STORE_UNREACHABLE",
        `JetStream does not give the service its work queue, the stream ${this.name} (${reasonOf(error)}). Give it room for ${TASK_STREAM_BYTES} bytes in files, and its account leave to make a stream.`,
        { cause: error },
      );
    }
  }

  /** Tasks that wait, and tasks that were given out and are not acknowledged. Throws where JetStream cannot be asked. */
  async depth(): Promise<{ readonly waiting: number; readonly taken: number }> {
    const { num_pending: waiting, num_ack_pending: taken } = await this.#manager.consumers.info(this.name, CONSUMER);
    return { waiting, taken };
  }

  async #ensureStream(): Promise<StreamInfo> {
    for (const replicas of this.#replicas()) {
      try {
        const wanted = this.#config(replicas);
        const info = (await this.#streamInfo()) ?? (await this.#addStream(wanted));
        if (fits(info.config, wanted)) return info;
        const updated = await this.#manager.streams.update(this.name, wanted);
        // A consumer whose copies have yet to catch up is lost with its leader (nats-server 2.9.10 chooses no other): one
        // that is made now has nothing to catch up. What it had given out is given out again.
        if (info.config.num_replicas < replicas) await this.#endConsumer();
        return updated;
      } catch (error) {
        if (!(error instanceof JetStreamApiError && TOO_FEW_SERVERS.has(error.code))) throw error;
      }
    }
    const replicas = this.#options.replicas ?? 1;
    throw new Error(`there are not ${replicas} servers with JetStream for as many replicas`);
  }

  /** What is to be tried, in order. What has three copies already keeps them while a server is away. */
  #replicas(): readonly number[] {
    const { replicas } = this.#options;
    if (replicas !== null) return [replicas];
    return this.#clustered ? [REPLICAS, 1] : [1];
  }

  async #addStream(wanted: Partial<StreamConfig> & { name: string }): Promise<StreamInfo> {
    try {
      return await this.#manager.streams.add(wanted);
    } catch (error) {
      const info = error instanceof JetStreamApiError && error.code === NAME_IN_USE ? await this.#streamInfo() : null;
      if (info === null) throw error;
      return info;
    }
  }

  async #streamInfo(): Promise<StreamInfo | null> {
    try {
      return await this.#manager.streams.info(this.name);
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return null;
      throw error;
    }
  }

  async #ensureConsumer(): Promise<void> {
    const wanted = {
      ack_wait: nanos(this.#options.redeliverAfterMs),
      // More than there can be: a server that has given out as many as it may does not say so.
      max_ack_pending: this.#options.maxTasks + 1,
      max_deliver: -1,
    } satisfies Partial<ConsumerConfig>;
    try {
      const { config } = await this.#manager.consumers.info(this.name, CONSUMER);
      if (!fits(config, wanted)) await this.#manager.consumers.update(this.name, CONSUMER, wanted);
    } catch (error) {
      if (!(error instanceof JetStreamApiError && error.code === CONSUMER_NOT_FOUND)) throw error;
      const durable = { ...wanted, durable_name: CONSUMER, ack_policy: AckPolicy.Explicit };
      await this.#manager.consumers.add(this.name, durable);
    }
  }

  async #endConsumer(): Promise<void> {
    try {
      await this.#manager.consumers.delete(this.name, CONSUMER);
    } catch (error) {
      if (!(error instanceof JetStreamApiError && error.code === CONSUMER_NOT_FOUND)) throw error;
    }
  }

  #config(replicas: number): Partial<StreamConfig> & { name: string } {
    return {
      name: this.name,
      subjects: [this.subject],
      retention: RetentionPolicy.Workqueue,
      // A server that is started again has the queue as it was: nothing has to be put again.
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      max_msgs: this.#options.maxTasks,
      max_bytes: TASK_STREAM_BYTES,
      duplicate_window: nanos(DUPLICATES_MS),
      num_replicas: replicas,
    };
  }
}

/** The name of the stream of a prefix: JetStream takes no dots there. */
export function streamName(prefix: string): string {
  return `${prefix.replaceAll(".", "_")}_tasks`;
}

/** Whether what is there is as it is to be, in all that is asked for. */
function fits(config: object, wanted: object): boolean {
  const there = new Map<string, unknown>(Object.entries(config));
  return Object.entries(wanted).every(([key, value]) => JSON.stringify(there.get(key)) === JSON.stringify(value));
}

function noJetStream(connection: NatsConnection, error: unknown): MillraceError {
  return new MillraceError(
    "STORE_UNREACHABLE",
    `The NATS server at ${connection.getServer()} gives no access to JetStream (${reasonOf(error)}). Start it with JetStream (nats-server -js, or a jetstream block in its configuration), and enable it for the account.`,
    { cause: error },
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
