import type { RouteDefinition } from "../definition/definition.ts";
import type { WorkQueue } from "../ports.ts";
import type { Chain } from "./chain.ts";
import type { Flow } from "./flow.ts";
import { type Batch, BatchGatherer, type Gatherer } from "./gatherer.ts";
import { PartGatherer } from "./part-gatherer.ts";
import { RouteQueue } from "./route-queue.ts";

/** The running state of one route of an execution. */
export class RouteRunner {
  readonly definition: RouteDefinition;
  readonly chain: Chain;
  readonly queue: RouteQueue;
  readonly gatherer: Gatherer | null;
  /** The place of the gathering adapter in the chain; -1 without one. */
  readonly gatherIndex: number;
  /** Batches that wait for a slot. */
  readonly batches: Batch[] = [];
  /** Flows that hold a slot. */
  running = 0;
  /** Messages of the route that are committed and not settled. */
  unsettled = 0;
  /** Routes from which a message can get here, this one included. */
  readonly upstream: readonly RouteRunner[] = [];

  constructor(executionId: string, definition: RouteDefinition, chain: Chain, work: WorkQueue, onReady: () => void) {
    this.definition = definition;
    this.chain = chain;
    this.queue = new RouteQueue(executionId, definition.route, work, onReady);
    this.gatherIndex = definition.steps.findIndex((step) => step.adapter.gather !== undefined);
    const step = definition.steps[this.gatherIndex];
    const gathering = step?.adapter.gather?.(step.config);
    this.gatherer =
      gathering === undefined
        ? null
        : "part" in gathering
          ? new PartGatherer(gathering, onReady)
          : new BatchGatherer(gathering, onReady);
  }

  /** Whether another message may be taken. */
  get hasSlot(): boolean {
    return this.running < this.definition.concurrency;
  }

  /** Messages that are in flight and hold no slot: gathered, or in a batch that waits for one. */
  get parked(): number {
    return this.batches.reduce((sum, batch) => sum + batch.flows.length, this.gatherer?.parked ?? 0);
  }

  /** Lets go of them. */
  takeParked(): Flow[] {
    return [...(this.gatherer?.clear() ?? []), ...this.batches.splice(0).flatMap((batch) => batch.flows)];
  }

  /** Makes a batch of what is gathered, and should go on; `last`: as nothing more can come. */
  releaseGathered(last = false): void {
    const batch = this.gatherer?.release(last);
    if (batch) this.batches.push(batch);
  }

  /** Whether what is gathered has nothing to wait for any more. */
  get hasLast(): boolean {
    return this.gatherer !== null && this.gatherer.parked > 0 && this.batches.length === 0 && !this.mayReceive;
  }

  /** Whether messages may still come to the gatherer: from its own queue, or from a route that leads here. */
  get mayReceive(): boolean {
    const parked = this.gatherer?.parked ?? 0;
    return this.upstream.some((route) => (route === this ? route.unsettled > parked : route.unsettled > 0));
  }
}

/** Finds, for each route, those from which a message can reach it by `outbound` or by what an adapter refers to. */
export function linkRoutes(routes: ReadonlyMap<string, RouteRunner>): void {
  const into = new Map<RouteRunner, RouteRunner[]>();
  for (const from of routes.values()) {
    for (const target of targetsOf(from.definition)) {
      const to = routes.get(target);
      if (to !== undefined) into.set(to, [...(into.get(to) ?? []), from]);
    }
  }
  for (const route of routes.values()) {
    const reached = new Set([route]);
    for (const next of reached) for (const from of into.get(next) ?? []) reached.add(from);
    // Written once, here: the runners have to exist before they can be linked.
    (route.upstream as RouteRunner[]).push(...reached);
  }
}

function targetsOf(route: RouteDefinition): string[] {
  const referred = route.steps.flatMap((step) => step.adapter.references?.(step.config).routes ?? []);
  return [...route.outbound, ...referred.map((reference) => reference.route)];
}
