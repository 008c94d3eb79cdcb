import { isTerminal, type JsonObject, MillraceError } from "@millrace/protocol";
import type { ExecutionRecord, FailedMessage, FailureFilter, Failures, MessageCopy, Records } from "../ports.ts";
import type { Execution } from "./execution.ts";
import { MAX_NAMED, type Pipeline, type Retried, type RetryFailures, type StartExecution } from "./executions.ts";
import { emittedMessageId } from "./message-id.ts";
import { type LoadDefinition, secretAway } from "./recovery.ts";

/** What retries need of the engine. */
export interface RetryHost {
  readonly failures: Failures;
  readonly records: Records;
  readonly maxPayloadBytes: number;
  uuid(): string;
  loadDefinition: LoadDefinition;
  running(executionId: string): Execution | undefined;
  /** Resolves when the execution is over, or the engine closes. */
  over(executionId: string): Promise<void>;
  /** Why an execution that is running is not at work here. */
  notHere(executionId: string): MillraceError;
  start(input: StartExecution): Promise<{ record: ExecutionRecord }>;
}

/** Messages that go back into their queues in one transition, and bytes of their payloads. */
const PAGE_MESSAGES = 500;
const PAGE_BYTES = 4 * 1024 * 1024;

/** A new execution begins with so many messages at most: they are one commit, which everything else waits for. */
export const MAX_FIRST_MESSAGES = 100_000;
export const MAX_FIRST_BYTES = 64 * 1024 * 1024;

/** Takes messages that failed for good up again. Requests for one execution are served one after the other. */
export class FailureRetry {
  readonly #host: RetryHost;
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(host: RetryHost) {
    this.#host = host;
  }

  /** Runs `work` when what was asked of the execution before is done. */
  async inTurn<T>(executionId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(executionId) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#last.set(executionId, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(executionId) === mine) this.#last.delete(executionId);
    }
  }

  /** @see Executions.retry */
  retry(executionId: string, request: RetryFailures): Promise<Retried> {
    return this.inTurn(executionId, () => this.#retry(executionId, request));
  }

  async #retry(executionId: string, request: RetryFailures): Promise<Retried> {
    const { records } = this.#host;
    const filter: FailureFilter = request.again ? request.filter : { ...request.filter, retried: false };
    await this.#checkIds(executionId, request.filter.messageIds, request.again ?? false);
    const execution = this.#host.running(executionId);
    if (execution?.takesBack) {
      if (request.pipeline !== undefined || typeof request.tag === "string") {
        throw new MillraceError(
          "EXECUTION_RUNNING",
          "The execution is still running, so its messages are retried in it, by its own pipeline: config_id and tag are for one that is over.",
        );
      }
      return execution.whileTakingBack(() => this.#requeue(executionId, execution, filter, request));
    }
    // It comes to its end: what it has failed by then is retried in a new one.
    if (execution !== undefined) await this.#host.over(executionId);
    const record = await records.getExecution(executionId);
    if (record === null) throw new MillraceError("EXECUTION_NOT_FOUND", `There is no execution "${executionId}".`);
    if (!isTerminal(record.status)) {
      if (record.status === "interrupted") {
        throw new MillraceError(
          "STATUS_CHANGE_NOT_ALLOWED",
          "The execution is interrupted: nothing of it can be retried before it is taken up again, or ended.",
        );
      }
      throw this.#host.notHere(executionId);
    }
    return this.#startNew(record, filter, request);
  }

  /** Ids that are given must all be there, and retried by nobody else: a wrong one is said before anything is done. */
  async #checkIds(executionId: string, ids: readonly string[] | undefined, again: boolean): Promise<void> {
    if (ids === undefined) return;
    const wanted = [...new Set(ids)];
    const { failures } = this.#host;
    const page = { limit: wanted.length, maxBytes: Number.POSITIVE_INFINITY, payloads: false };
    const found = await failures.after(executionId, { messageIds: wanted }, 0, page);
    const known = new Set(found.map((message) => message.id));
    const missing = wanted.filter((id) => !known.has(id));
    if (missing.length > 0) {
      const [open] = await failures.unsettled(executionId, missing);
      if (open !== undefined) {
        throw new MillraceError(
          "MESSAGE_NOT_FAILED",
          `The message "${open}" has not failed, or is being retried: it waits or is in flight.`,
        );
      }
      throw new MillraceError(
        "MESSAGE_NOT_FOUND",
        `The execution has no failed message "${String(missing[0]).slice(0, 128)}".`,
      );
    }
    const done = again ? undefined : found.find((message) => message.retriedIn !== null);
    if (done !== undefined) {
      throw new MillraceError(
        "MESSAGE_NOT_FAILED",
        `The message "${done.id}" was retried in execution ${done.retriedIn}. To retry it all the same, ask for it again (again: true).`,
      );
    }
  }

  async #requeue(
    executionId: string,
    execution: Execution,
    filter: FailureFilter,
    request: RetryFailures,
  ): Promise<Retried> {
    const { failures, records } = this.#host;
    const payloads = request.payloadMerge !== undefined;
    const messageIds: string[] = [];
    let retried = 0;
    let last = 0;
    // Those that fail from now on are not meant: a message that fails at once would be retried for ever.
    const most = await failures.count(executionId, filter);
    while (retried < most && execution.takesBack) {
      const page = { limit: Math.min(PAGE_MESSAGES, most - retried), maxBytes: PAGE_BYTES, payloads };
      const messages = await failures.after(executionId, filter, last, page);
      if (messages.length === 0 || !execution.takesBack) break;
      await execution.requeue(
        messages.map((message) => ({
          id: message.id,
          seq: message.seq,
          route: message.route,
          payloadJson: this.#payloadOf(message, request),
        })),
      );
      retried += messages.length;
      last = messages.at(-1)?.seq ?? last;
      for (const { id } of messages) if (messageIds.length < MAX_NAMED) messageIds.push(id);
    }
    const record = retried === 0 ? null : await records.getExecution(executionId);
    return { record, started: false, retried, remaining: Math.max(0, most - retried), messageIds };
  }

  async #startNew(parent: ExecutionRecord, filter: FailureFilter, request: RetryFailures): Promise<Retried> {
    const { failures } = this.#host;
    const none: Retried = { record: null, started: false, retried: 0, remaining: 0, messageIds: [] };
    const total = await failures.count(parent.id, filter);
    if (total === 0) return none;
    const pipeline = request.pipeline ?? (await this.frozenPipeline(parent));
    const routes = new Set(pipeline.definition.routes.map(({ route }) => route));
    const root = this.#host.uuid();
    const messageIds: string[] = [];
    const copies: MessageCopy[] = [];
    let bytes = 0;
    for (let last = 0; copies.length < MAX_FIRST_MESSAGES && bytes < MAX_FIRST_BYTES; ) {
      const limit = Math.min(PAGE_MESSAGES, MAX_FIRST_MESSAGES - copies.length);
      const page = { limit, maxBytes: MAX_FIRST_BYTES - bytes, payloads: request.payloadMerge !== undefined };
      const messages = await failures.after(parent.id, filter, last, page);
      for (const message of messages) {
        if (!routes.has(message.route)) {
          throw new MillraceError(
            "ROUTE_NOT_IN_PIPELINE",
            `Messages failed in the route "${message.route}", which is not in the pipeline. Choose those of other routes, or another config.`,
          );
        }
        const payloadJson = this.#payloadOf(message, request);
        const id = copies.length === 0 ? root : emittedMessageId(message.id, 0, root);
        copies.push({ seq: message.seq, id, route: message.route, payloadJson });
        bytes += payloadJson?.length ?? message.payloadBytes;
        if (messageIds.length < MAX_NAMED) messageIds.push(message.id);
      }
      const end = messages.at(-1)?.seq;
      if (end === undefined) break;
      last = end;
      // The store answers at once: without a pause nothing else would get its turn before the last page.
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { messageIds: _, retried: __, ...asked } = filter;
    const { record } = await this.#host.start({
      ...pipeline,
      project: parent.project,
      tag: request.tag ?? null,
      origin: { executionId: parent.id, source: "lineage" },
      first: { messages: [], copies, copiedFrom: parent.id, markRetried: true },
      rootCorrelationId: root,
      metadata: {
        retry: {
          execution_id: parent.id,
          messages: copies.length,
          message_ids: messageIds,
          ...asked,
          changed_payload: request.payload !== undefined || request.payloadMerge !== undefined,
        },
      },
    });
    return { record, started: true, retried: copies.length, remaining: total - copies.length, messageIds };
  }

  /**
   * The pipeline that an execution ran by.
   * @throws MillraceError CONFIG_INVALID where it does not load any more, SECRET_UNAVAILABLE where it does not at present
   */
  async frozenPipeline(record: ExecutionRecord): Promise<Pipeline> {
    const { config_yaml: yaml, config_id: id, name, version } = record.configSnapshot;
    const configYaml = String(yaml);
    const { definition, report, awaits = null } = await this.#host.loadDefinition(configYaml, record.project);
    if (definition === null) {
      if (awaits !== null) throw secretAway(awaits);
      throw new MillraceError(
        "CONFIG_INVALID",
        `The execution's pipeline does not load any more: ${report.issues[0]?.message ?? "it has errors"}. Give a config_id to use another.`,
        { details: { validation_report: report } },
      );
    }
    const config =
      typeof id === "string"
        ? {
            id,
            name: typeof name === "string" ? name : null,
            version: typeof version === "number" ? version : null,
          }
        : null;
    return { definition, configYaml, config };
  }

  /** The payload that is retried in place of the one that is kept; null: that one. */
  #payloadOf(message: FailedMessage, { payload, payloadMerge }: RetryFailures): string | null {
    let changed: JsonObject;
    if (payload !== undefined) changed = payload;
    else if (payloadMerge !== undefined) changed = { ...JSON.parse(message.payloadJson ?? "{}"), ...payloadMerge };
    else return null;
    const json = JSON.stringify(changed);
    const bytes = Buffer.byteLength(json);
    if (bytes > this.#host.maxPayloadBytes) {
      throw new MillraceError(
        "PAYLOAD_TOO_LARGE",
        `The payload of the message "${message.id}" would have ${bytes} bytes; max_payload_bytes is ${this.#host.maxPayloadBytes}.`,
      );
    }
    return json;
  }
}
