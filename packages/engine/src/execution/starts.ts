import { hash } from "node:crypto";
import { emptyProgress, type JsonObject, type JsonValue, MillraceError, type Progress } from "@millrace/protocol";
import type { AdapterLog } from "../adapter.ts";
import type { Placement } from "../cluster/placement.ts";
import type { Definition } from "../definition/definition.ts";
import type { Clock, ExecutionRecord, FirstMessages, Ids, NewExecution, NewMessage, Records } from "../ports.ts";
import { beginTrace, TRACE_KEY, traceLogFields } from "../trace/execution-trace.ts";
import type { Tracer } from "../trace/tracer-port.ts";
import type { Execution } from "./execution.ts";
import type { RunningRecord } from "./execution-parts.ts";
import type { StartExecution } from "./executions.ts";

/** What starts need of the engine. */
export interface StartHost {
  readonly records: Records;
  readonly ids: Ids;
  readonly clock: Clock;
  /** Executions that may run at once. */
  readonly maxExecutions: number;
  readonly maxPayloadBytes: number;
  /** Null: this process is the whole service. */
  readonly placement: Placement | null;
  /** Null: no traces are made. */
  readonly tracer: Tracer | null;
  readonly log: AdapterLog;
  /** Executions at work. */
  countRunning(): number;
  /** @throws MillraceError CONFIG_INVALID when an adapter's `prepare` throws */
  makeExecution(
    record: RunningRecord,
    definition: Definition,
    state: { progress: Progress; stopping: null; errorInfo: null },
  ): Execution;
  /** There is an execution that there was not. */
  created(): void;
  /** The execution is at work from now on. */
  running(execution: Execution): void;
}

/** What came of a start. */
interface Started {
  readonly record: ExecutionRecord;
  /** False: there was one with the idempotency key already. */
  readonly created: boolean;
}

/** Starts executions, as many as may run at once, and one for each idempotency key. */
export class Starts {
  readonly #host: StartHost;
  /** Executions that are being started, and count against the limit already. */
  #starting = 0;
  /** The last start that was asked for with each idempotency key, until it is done. */
  readonly #startingKeys = new Map<string, Promise<void>>();

  constructor(host: StartHost) {
    this.#host = host;
  }

  /** `beyondLimit`: as many as there are may run already. @see Executions.start */
  async start(input: StartExecution, beyondLimit = false): Promise<Started> {
    const key = input.idempotencyKey ?? null;
    if (key === null) return this.#startCounted(input, beyondLimit);
    // One after the other: those who come while its first is still being started get that one, whatever the limits say.
    const ofProject = `${input.project}/${key}`;
    const before = this.#startingKeys.get(ofProject) ?? Promise.resolve();
    const starting = before.then(() => this.#startWithKey(key, input, beyondLimit));
    const settled = starting
      .catch(() => {})
      .then(() => {
        if (this.#startingKeys.get(ofProject) === settled) this.#startingKeys.delete(ofProject);
      });
    this.#startingKeys.set(ofProject, settled);
    return starting;
  }

  async #startWithKey(key: string, input: StartExecution, beyondLimit: boolean): Promise<Started> {
    const known = await this.#host.records.getExecutionByIdempotencyKey(input.project, key);
    if (known !== null && known.configId === (input.config?.id ?? null)) return { record: known, created: false };
    return this.#startCounted(input, beyondLimit);
  }

  async #startCounted(input: StartExecution, beyondLimit: boolean): Promise<Started> {
    const { maxExecutions, placement } = this.#host;
    // Of all nodes together the store keeps count.
    if (placement !== null) return this.#create(input, beyondLimit);
    if (!beyondLimit && this.#host.countRunning() + this.#starting >= maxExecutions) {
      throw new MillraceError(
        "TOO_MANY_EXECUTIONS",
        `${maxExecutions} executions are running, as many as max_executions allows. Wait for one to end, or cancel one.`,
      );
    }
    this.#starting += 1;
    try {
      return await this.#create(input, beyondLimit);
    } finally {
      this.#starting -= 1;
    }
  }

  async #create(input: StartExecution, beyondLimit: boolean): Promise<Started> {
    const { records, ids, clock, maxPayloadBytes, placement } = this.#host;
    const id = ids.uuid();
    const rootCorrelationId = input.rootCorrelationId ?? ids.uuid();
    const { first: many } = input;
    const counts = many === undefined ? null : countByRoute(many);
    const init = input.skipInitMessage || many !== undefined ? null : input.definition.initMessage;
    const payload: JsonObject | null = init === null ? null : { ...init.payload, ...input.initPayload };
    const first: NewMessage | null =
      init === null || payload === null
        ? null
        : {
            id: rootCorrelationId,
            parentId: null,
            route: init.route,
            payloadJson: encode(payload, maxPayloadBytes),
            hops: 0,
          };
    const trace = await this.#traceOf(id, input);
    const wanted: NewExecution = {
      id,
      project: input.project,
      configId: input.config?.id ?? null,
      startedAt: new Date(clock.now()).toISOString(),
      parentExecutionId: input.origin?.executionId ?? input.parentExecutionId ?? null,
      replaySource: input.origin?.source ?? null,
      tag: input.tag ?? null,
      configSnapshot: {
        config_id: input.config?.id ?? null,
        name: input.config?.name ?? input.definition.name,
        version: input.config?.version ?? null,
        config_hash: hash("sha256", input.configYaml),
        config_yaml: input.configYaml,
        document: input.definition.document,
        outline: outlineOf(input.definition),
        init_message: init === null ? null : { route: init.route, payload },
        ...(counts === null ? {} : { first_messages: counts }),
        ...(trace === null ? {} : { [TRACE_KEY]: trace }),
      },
      rootCorrelationId,
      metadata: input.metadata ?? {},
      idempotencyKey: input.idempotencyKey ?? null,
    };
    // Adapters are prepared before anything is written: one that refuses leaves nothing behind.
    const execution = this.#host.makeExecution(wanted, input.definition, {
      progress: emptyProgress(counts ?? first?.route ?? null),
      stopping: null,
      errorInfo: null,
    });
    const owned = placement?.takesNew() ?? true;
    const { record, created, firstSeq } = await records.createExecution(
      wanted,
      many ?? first,
      placement === null ? undefined : { owned, ...(beyondLimit ? {} : { maxUnfinished: this.#host.maxExecutions }) },
    );
    if (!created) return { record, created };
    this.#host.created();
    this.#tell(record);
    if (!owned) {
      placement?.announce();
      return { record, created };
    }
    this.#host.running(execution);
    if (counts !== null) {
      execution.beginWithMany(counts);
      return { record, created };
    }
    execution.begin(
      first === null || firstSeq === null
        ? null
        : {
            ...first,
            seq: firstSeq,
            attempt: 1,
            failures: 0,
            dueAt: 0,
            emittedOutputs: 0,
            emitted: {},
            interruptions: 0,
          },
    );
    return { record, created };
  }

  async #traceOf(id: string, { trace, origin }: StartExecution): Promise<JsonObject | null> {
    const { tracer, records } = this.#host;
    if (tracer === null) return null;
    const parent = trace === undefined ? tracer.current() : trace;
    return beginTrace(tracer, id, parent, origin === undefined ? null : await records.getExecution(origin.executionId));
  }

  #tell({ id, rootCorrelationId, tag, configSnapshot }: ExecutionRecord): void {
    this.#host.log.debug(`Execution ${id} is started.`, {
      execution_id: id,
      correlation_id: rootCorrelationId,
      root_correlation_id: rootCorrelationId,
      ...(tag === null ? {} : { tag }),
      ...traceLogFields(configSnapshot),
    });
  }
}

function encode(payload: JsonObject, maxBytes: number): string {
  const json = JSON.stringify(payload);
  const bytes = Buffer.byteLength(json);
  if (bytes > maxBytes) {
    throw new MillraceError(
      "PAYLOAD_TOO_LARGE",
      `The first message's payload has ${bytes} bytes; max_payload_bytes is ${maxBytes}.`,
    );
  }
  return json;
}

function countByRoute({ messages, copies }: FirstMessages): Record<string, number> {
  const counts: Record<string, number> = Object.create(null);
  for (const { route } of [...messages, ...copies]) counts[route] = (counts[route] ?? 0) + 1;
  return counts;
}

/** Routes and adapters by the names that events use: what views of the execution are laid out by. */
function outlineOf(definition: Definition): JsonValue {
  return definition.routes.map(({ route, name, steps, outbound }) => ({
    route,
    name,
    adapters: steps.map((step) => ({ type: step.type, name: step.name })),
    outbound: [...outbound],
  }));
}
