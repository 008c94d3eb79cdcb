import { MillraceError } from "@millrace/protocol";
import type { Definition } from "../definition/definition.ts";
import { type LoadDefinition, secretAway } from "../execution/recovery.ts";
import type { Records } from "../ports.ts";
import { Chain, type ChainHost } from "../route/chain.ts";
import { ExecutionTrace } from "../trace/execution-trace.ts";
import type { Tracer } from "../trace/tracer-port.ts";

/** Executions whose pipelines are kept at hand. */
const KEPT = 200;

/** One that does not load is tried again so much later, in milliseconds. */
const AGAIN_MS = 10_000;

/** A pipeline that an execution runs by, with its adapters prepared. */
export interface FrozenPipeline {
  /** The execution's. */
  readonly project: string;
  readonly definition: Definition;
  /** Null where the execution has none. */
  readonly trace: ExecutionTrace | null;
  /** @throws MillraceError CONFIG_INVALID when an adapter's `prepare` throws, ROUTE_NOT_IN_PIPELINE */
  chain(route: string): Chain;
}

/** What they need. */
export interface FrozenPipelinesHost {
  readonly records: Records;
  chainHostOf(project: string, executionId: string): ChainHost;
  /** Null: no traces are made. */
  readonly tracer: Tracer | null;
  loadDefinition: LoadDefinition;
}

/** The pipelines of executions that this node works for, by execution. */
export class FrozenPipelines {
  readonly #host: FrozenPipelinesHost;
  /** The one that was used last is the last. */
  readonly #kept = new Map<string, Promise<FrozenPipeline | null>>();

  constructor(host: FrozenPipelinesHost) {
    this.#host = host;
  }

  /**
   * Null where there is no such execution.
   * @throws MillraceError CONFIG_INVALID where it does not load here, SECRET_UNAVAILABLE where it does not at present
   */
  of(executionId: string): Promise<FrozenPipeline | null> {
    const kept = this.#kept.get(executionId) ?? this.#begin(executionId);
    this.#kept.delete(executionId);
    this.#kept.set(executionId, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return kept;
  }

  /** It is over. */
  forget(executionId: string): void {
    this.#kept.delete(executionId);
  }

  #begin(executionId: string): Promise<FrozenPipeline | null> {
    const loading = this.#load(executionId);
    loading.catch((error) => {
      // One that does not load is not loaded again for every message; one that could not be read is.
      const invalid = error instanceof MillraceError && error.code === "CONFIG_INVALID";
      if (invalid) setTimeout(() => this.forget(executionId), AGAIN_MS).unref();
      else this.forget(executionId);
    });
    return loading;
  }

  async #load(executionId: string): Promise<FrozenPipeline | null> {
    const { records, loadDefinition, chainHostOf, tracer } = this.#host;
    const record = await records.getExecution(executionId);
    if (record === null) return null;
    const {
      definition,
      report,
      awaits = null,
    } = await loadDefinition(String(record.configSnapshot.config_yaml), record.project);
    if (definition === null) {
      if (awaits !== null) throw secretAway(awaits);
      const why = report.issues[0]?.message ?? "it has errors";
      throw new MillraceError("CONFIG_INVALID", `The execution's pipeline does not load on this node: ${why}`);
    }
    const { project } = record;
    const chainHost = chainHostOf(project, executionId);
    const chains = new Map<string, Chain>();
    return {
      project,
      definition,
      trace: ExecutionTrace.of(tracer, record),
      chain: (name) => {
        const known = chains.get(name);
        if (known !== undefined) return known;
        const route = definition.routes.find((candidate) => candidate.route === name);
        if (route === undefined) {
          throw new MillraceError("ROUTE_NOT_IN_PIPELINE", `The pipeline has no route "${name}".`);
        }
        const chain = new Chain(route, chainHost);
        chains.set(name, chain);
        return chain;
      },
    };
  }
}
