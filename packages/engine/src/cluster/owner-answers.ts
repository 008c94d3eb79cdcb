import { MillraceError } from "@millrace/protocol";
import type { Bus } from "../bus-port.ts";
import type { Engine } from "../execution/engine.ts";
import type { Pipeline, RetryFailures } from "../execution/executions.ts";
import { progressToJson } from "../execution/progress-json.ts";
import { type LoadDefinition, secretAway } from "../execution/recovery.ts";
import type { Records } from "../ports.ts";
import { decodeEnvelope, encodeEnvelope } from "./envelope.ts";
import { type OwnerRequest, ownerRequestSchema, ownerSubject } from "./owner-request.ts";

/** How long an answer is remembered, in milliseconds, for one whose request comes again as the answer was lost. */
const REMEMBERED_MS = 60_000;

/** What answers need of the node. */
export interface OwnerAnswersHost {
  readonly engine: Engine;
  readonly bus: Bus;
  readonly records: Pick<Records, "getExecution">;
  loadDefinition: LoadDefinition;
  /** Whether this node owns the execution and cannot take it up: it can be ended all the same. */
  isHeldUp(executionId: string): boolean;
}

type Answer = Readonly<Record<string, unknown>>;

/** Answers what other nodes ask about executions that this one owns. */
export class OwnerAnswers {
  readonly #host: OwnerAnswersHost;
  /** By request, to be answered once: also those that are under way. */
  readonly #answers = new Map<string, Promise<Answer>>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #unsubscribe = () => {};

  constructor(host: OwnerAnswersHost) {
    this.#host = host;
  }

  /** Answers as this node, which has another id when its lease was lost. */
  answerAs(nodeId: string): void {
    this.#unsubscribe();
    this.#unsubscribe = this.#host.bus.answer(ownerSubject(nodeId), (data) => this.#answer(data));
  }

  stop(): void {
    this.#unsubscribe();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#answers.clear();
  }

  async #answer(data: Uint8Array): Promise<Uint8Array> {
    const request = decodeEnvelope(data, ownerRequestSchema);
    const answer = await (changes(request) ? this.#once(request) : this.#serve(request));
    try {
      return encodeEnvelope(answer, this.#host.bus.maxBytes);
    } catch (error) {
      // Whoever asked reads it off the journal.
      if (request.kind === "progress") return encodeEnvelope({ progress: null }, this.#host.bus.maxBytes);
      throw error;
    }
  }

  #once(request: OwnerRequest): Promise<Answer> {
    const known = this.#answers.get(request.request);
    if (known !== undefined) return known;
    const answer = this.#serve(request);
    this.#answers.set(request.request, answer);
    const forget = () => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        this.#answers.delete(request.request);
      }, REMEMBERED_MS);
      timer.unref();
      this.#timers.add(timer);
    };
    // One that was refused changed nothing: it may be asked again.
    answer.then(forget, () => this.#answers.delete(request.request));
    return answer;
  }

  async #serve(request: OwnerRequest): Promise<Answer> {
    const { engine, isHeldUp } = this.#host;
    const id = request.execution;
    if (!engine.runs(id) && !(request.kind === "stop" && isHeldUp(id))) {
      throw new MillraceError("EXECUTION_MOVED", `This node does not work on execution ${id}. Ask again.`);
    }
    switch (request.kind) {
      case "stop":
        await engine.stop(id, request.status, request.errorInfo);
        return {};
      case "retry": {
        const { record, ...done } = await engine.retry(id, await this.#retryOf(request));
        return { ...done, record: record?.id ?? null };
      }
      case "progress": {
        const progress = await engine.progress(id);
        return { progress: progress === null ? null : progressToJson(progress) };
      }
      case "depths":
        return { depths: await engine.depths(id) };
    }
  }

  async #retryOf(request: Extract<OwnerRequest, { kind: "retry" }>): Promise<RetryFailures> {
    const { filter, payload, payloadMerge, again, tag, pipeline } = request;
    return {
      // Fields that were not sent are not there, rather than undefined.
      filter: filter as RetryFailures["filter"],
      ...(payload === undefined ? {} : { payload }),
      ...(payloadMerge === undefined ? {} : { payloadMerge }),
      ...(again === undefined ? {} : { again }),
      ...(tag === undefined ? {} : { tag }),
      ...(pipeline === undefined ? {} : { pipeline: await this.#load(pipeline, request.execution) }),
    };
  }

  async #load(sent: Omit<Pipeline, "definition">, executionId: string): Promise<Pipeline> {
    // A pipeline has the secrets of its execution's project.
    const record = await this.#host.records.getExecution(executionId);
    const { definition, report, awaits = null } = await this.#host.loadDefinition(sent.configYaml, record?.project);
    if (definition !== null) return { ...sent, definition };
    if (awaits !== null) throw secretAway(awaits);
    throw new MillraceError("CONFIG_INVALID", "The config does not load on the node that works on the execution.", {
      details: { validation_report: report },
    });
  }
}

/** Whether to serve it twice is more than to serve it once. */
function changes(request: OwnerRequest): boolean {
  return request.kind === "stop" || request.kind === "retry";
}
