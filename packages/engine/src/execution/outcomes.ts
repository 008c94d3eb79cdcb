import type { Progress } from "@millrace/protocol";
import type { Transition } from "../ports.ts";
import { type Pending, StepFailure } from "../route/chain.ts";
import { Flow, type FlowHost } from "../route/flow.ts";
import type { RouteRunner } from "../route/route-runner.ts";
import type { Commits } from "./commits.ts";
import type { Ending } from "./ending.ts";
import type { ExecutionParts } from "./execution-parts.ts";
import { findMessages } from "./find-messages.ts";
import type { InFlight } from "./in-flight.ts";
import type { Intake } from "./intake.ts";
import { keepsAll } from "./keeps-all.ts";
import { messageError, toEventError } from "./message-error.ts";
import { settleCompleted, settleFailed } from "./settlement.ts";

/** The parts of an execution that the outcome of a message touches. */
export interface OutcomeParts {
  readonly parts: ExecutionParts;
  readonly progress: Progress;
  readonly routes: ReadonlyMap<string, RouteRunner>;
  readonly flowHost: FlowHost;
  readonly inFlight: InFlight;
  readonly intake: Intake;
  readonly commits: Commits;
  readonly ending: Ending;
}

/** Writes down what becomes of the messages in flight: what they emit on their way, and that they completed or failed. */
export class Outcomes {
  readonly #parts: ExecutionParts;
  readonly #progress: Progress;
  readonly #routes: ReadonlyMap<string, RouteRunner>;
  readonly #flowHost: FlowHost;
  readonly #inFlight: InFlight;
  readonly #intake: Intake;
  readonly #commits: Commits;
  readonly #ending: Ending;

  constructor({ parts, progress, routes, flowHost, inFlight, intake, commits, ending }: OutcomeParts) {
    this.#parts = parts;
    this.#progress = progress;
    this.#routes = routes;
    this.#flowHost = flowHost;
    this.#inFlight = inFlight;
    this.#intake = intake;
    this.#commits = commits;
    this.#ending = ending;
  }

  /** Commits what the flow has gathered now; resolves after the commit. Undefined: there was nothing. */
  flush(flow: Flow): Pending {
    this.#inFlight.flushed(flow);
    if (flow.closed) return undefined;
    const limit = this.#parts.definition.limits.maxMessages;
    if (limit !== null && this.#commits.enqueued + flow.messages.length > limit) {
      flow.abort("cancelled");
      return this.#overLimit([flow], limit);
    }
    const { events, enqueue, changes, objects } = flow.drain();
    if (events.length === 0 && enqueue.length === 0 && objects.length === 0) return undefined;
    return this.#commits.append({ executionId: this.#parts.id, events, enqueue, changes, objects });
  }

  /** The chain of the flows is done: of one, or of those of a batch, whose first went through it for all. */
  complete(flows: readonly Flow[]): Pending {
    const open = flows.filter((flow) => !flow.closed);
    const [leader] = open;
    if (leader === undefined) return undefined;
    const limit = this.#parts.definition.limits.maxMessages;
    if (limit !== null && this.#commits.enqueued + leader.messages.length > limit) return this.#overLimit(open, limit);
    for (const flow of open) this.#inFlight.close(flow);
    this.#parts.observer?.messagesCompleted(open.length);
    const keep = keepsAll(leader.route.keepPayloads, this.#parts.settings.keepPayloads);
    const settlement = settleCompleted(open, keep, leader === flows[0] ? leader : undefined);
    return this.#commits.append({ executionId: this.#parts.id, ...settlement }, open);
  }

  #overLimit(flows: readonly Flow[], limit: number): Pending {
    for (const flow of flows) flow.dropPending();
    const text = `The execution would have more than ${limit} messages (limits.max_messages).`;
    return this.fail(flows, new StepFailure(messageError("MESSAGE_LIMIT_EXCEEDED", text, false), null), "fail");
  }

  /** The flows fail with what was thrown: each is retried or kept, and the execution fails where `onError` says so. */
  fail(flows: readonly Flow[], thrown: unknown, onError = flows[0]?.route.errorHandling.onError): Pending {
    const open = flows.filter((flow) => !flow.closed);
    if (open.length === 0) return undefined;
    const failure = thrown instanceof StepFailure ? thrown : { error: toEventError(thrown), step: null };
    for (const flow of open) this.#inFlight.close(flow);
    // A batch fails as one: with one message that ends the execution, no other of it is tried again.
    const exhausted = open.some(({ message, route }) => message.failures >= route.errorHandling.maxRetries);
    const mayRetry = !this.#ending.stopping && !(exhausted && onError === "fail");
    const now = this.#parts.clock.now();
    const { settled, retried, ...settlement } = settleFailed(open, failure, { mayRetry, now });
    const { error, step } = failure;
    this.#parts.observer?.attemptsFailed(step?.type ?? null, error.code, open.length, retried.length);
    const [first] = settled;
    let record: Transition["record"];
    if (first !== undefined && onError === "fail" && !this.#ending.stopping) {
      record = this.#ending.stop("failed", {
        code: failure.error.code,
        message: failure.error.message,
        message_id: first.message.id,
        route: first.message.route,
        ...(failure.step === null ? {} : { adapter: failure.step.name }),
      });
      this.#intake.close();
      this.dropParked();
    }
    const transition = { executionId: this.#parts.id, ...settlement, ...(record === undefined ? {} : { record }) };
    return this.#commits.append(transition, settled, retried);
  }

  /** Fails a message that will not be taken further, as the execution is stopped. */
  drop(flow: Flow): Pending {
    if (this.#ending.paused) {
      this.#inFlight.close(flow);
      return undefined;
    }
    const text = "The execution was stopped while the message was in flight.";
    return this.fail([flow], new StepFailure(messageError("CANCELLED", text, false), null));
  }

  /** Fails what gatherers hold: nothing will be taken any more. */
  dropParked(): void {
    for (const route of this.#routes.values()) {
      for (const flow of route.takeParked()) this.drop(flow)?.catch(this.#parts.onFault);
    }
  }

  /**
   * Fails what will not be taken again: messages that wait for another attempt, and those that were in flight when the
   * process died while the execution was stopping.
   */
  async dropOpen(): Promise<void> {
    const { open } = this.#progress;
    const { id, work, onFault } = this.#parts;
    for await (const message of findMessages(work, id, this.#routes.keys(), [...open.keys()])) {
      const route = this.#routes.get(message.route);
      const last = open.get(message.id);
      if (route === undefined || last === undefined) continue;
      // One that waits was promised another attempt (`will_retry`): it begins, and fails at once.
      const flow = new Flow(this.#flowHost, route.definition, message, last.inFlight ? [] : null);
      this.#inFlight.add(flow);
      await this.drop(flow)?.catch(onFault);
    }
  }
}
