import type { Progress } from "@millrace/protocol";
import type { StoredMessage } from "../ports.ts";
import { type Pending, StepFailure } from "../route/chain.ts";
import { Flow, type FlowHost } from "../route/flow.ts";
import type { Batch } from "../route/gatherer.ts";
import type { RouteRunner } from "../route/route-runner.ts";
import type { Ending } from "./ending.ts";
import type { ExecutionParts } from "./execution-parts.ts";
import type { InFlight } from "./in-flight.ts";
import type { Intake } from "./intake.ts";
import { messageError, toEventError } from "./message-error.ts";
import type { Outcomes } from "./outcomes.ts";

/** A message that was in flight so often when the process died is given up: it is likely what kills it. */
export const MAX_INTERRUPTIONS = 10;

/** The parts of an execution that an attempt touches. */
export interface AttemptParts {
  readonly parts: ExecutionParts;
  readonly progress: Progress;
  readonly flowHost: FlowHost;
  readonly inFlight: InFlight;
  readonly intake: Intake;
  readonly outcomes: Outcomes;
  readonly ending: Ending;
}

/** Runs messages, and batches of them, through the chains of their routes: each holds a slot of its route meanwhile. */
export class Attempts {
  readonly #parts: ExecutionParts;
  readonly #progress: Progress;
  readonly #flowHost: FlowHost;
  readonly #inFlight: InFlight;
  readonly #intake: Intake;
  readonly #outcomes: Outcomes;
  readonly #ending: Ending;

  constructor({ parts, progress, flowHost, inFlight, intake, outcomes, ending }: AttemptParts) {
    this.#parts = parts;
    this.#progress = progress;
    this.#flowHost = flowHost;
    this.#inFlight = inFlight;
    this.#intake = intake;
    this.#outcomes = outcomes;
    this.#ending = ending;
  }

  /** Begins an attempt at a message that was taken out of its queue. */
  take(route: RouteRunner, message: StoredMessage): void {
    const open = this.#progress.open.get(message.id);
    const resumed = open?.inFlight === true && open.attempt === message.attempt ? open.ran : null;
    const flow = new Flow(this.#flowHost, route.definition, message, resumed);
    this.#inFlight.add(flow);
    route.running += 1;
    if (this.#parts.spread === null) this.#inFlight.touch(flow);
    if (message.interruptions >= MAX_INTERRUPTIONS) {
      this.#settled(route, this.#outcomes.fail([flow], crashLoop(message.interruptions)));
      return;
    }
    this.#settled(
      route,
      this.#parts.trace(flow, () => this.#work(route, flow)),
    );
  }

  /** Goes on with messages that a gathering adapter has made a batch of: they complete or fail as one. */
  runBatch(route: RouteRunner, batch: Batch): void {
    const [leader] = batch.flows;
    route.running += 1;
    this.#outcomes.flush(leader)?.catch(this.#parts.onFault);
    leader.beginAtomic();
    const run = async () => {
      try {
        if (batch.error !== null) throw new StepFailure(toEventError(batch.error), gatheringStep(route));
        for (const payload of batch.payloads) await route.chain.runBatch(leader, payload, route.gatherIndex);
      } catch (error) {
        leader.dropPending();
        await this.#outcomes.fail(batch.flows, error);
        return;
      }
      await this.#outcomes.complete(batch.flows);
    };
    this.#settled(route, this.#parts.trace(leader, run));
  }

  /** Runs the chain up to its end, or to the gathering adapter. */
  #work(route: RouteRunner, flow: Flow): Pending {
    try {
      const { spread } = this.#parts;
      const pending =
        spread === null
          ? route.chain.run(flow, flow.payload, 0)
          : spread.run(route, flow, () => route.chain.run(flow, flow.payload, 0));
      if (pending !== undefined) {
        return pending.then(
          () => this.#worked(route, flow),
          (error) => this.#outcomes.fail([flow], error),
        );
      }
    } catch (error) {
      return this.#outcomes.fail([flow], error);
    }
    return this.#worked(route, flow);
  }

  #worked(route: RouteRunner, flow: Flow): Pending {
    if (flow.gathered.length > 0 && route.gatherer !== null && !flow.closed) {
      if (this.#intake.closed) return this.#outcomes.drop(flow);
      try {
        route.gatherer.add(flow);
      } catch (error) {
        return this.#outcomes.fail([flow], new StepFailure(toEventError(error), gatheringStep(route)));
      }
      return undefined;
    }
    return this.#outcomes.complete([flow]);
  }

  /** Frees the slot when the work is done: when its outcome is on its way to the journal, or committed under pressure. */
  #settled(route: RouteRunner, work: Pending): void {
    if (work === undefined) {
      // Taken by the pump, which goes on by itself.
      route.running -= 1;
      this.#ending.check();
      return;
    }
    work.catch(this.#parts.onFault).then(() => {
      route.running -= 1;
      this.#ending.check();
      this.#intake.pump();
    });
  }
}

/** Who is to blame where messages cannot be gathered. */
function gatheringStep(route: RouteRunner) {
  return route.definition.steps[route.gatherIndex] ?? null;
}

/** The failure of a message that is in flight whenever its process dies. */
export function crashLoop(interruptions: number): StepFailure {
  const text = `The process died ${interruptions} times while this message was in flight; it is not tried again.`;
  return new StepFailure(messageError("CRASH_LOOP", text, false), null);
}
