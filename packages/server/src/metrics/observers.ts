import type { EngineObserver } from "@millrace/engine";
import type { CommitObserver } from "@millrace/stores";
import { FewValues } from "./few-values.ts";
import type { Metrics } from "./metrics.ts";

/** No adapter is to blame. */
const NONE = "none";

/** Counts what the engine tells of. */
export function engineObserver(metrics: Metrics): EngineObserver {
  // Adapters of one's own have error codes of their own.
  const codes = new FewValues(100);
  return {
    executionStarted: () => metrics.executionsStarted.inc(),
    executionsTakenUp: (count) => metrics.executionsTakenUp.inc(count),
    executionEnded: (status) => metrics.executionsEnded.inc({ status }),
    stepDone: (type, ms) => metrics.stepSeconds.record(type, ms / 1000),
    attemptsFailed(type, code, failed, retried) {
      const labels = { adapter: type ?? NONE, code: codes.of(code) };
      if (retried > 0) metrics.messagesRetried.inc(labels, retried);
      if (failed > retried) metrics.messagesFailed.inc(labels, failed - retried);
    },
    messagesCompleted: (count) => metrics.messagesCompleted.inc(count),
    modelUsed(adapter, { requests = 0, cached = 0, input_tokens: input = 0, output_tokens: output = 0, cost = 0 }) {
      metrics.modelRequests.inc({ adapter }, requests);
      metrics.modelCached.inc({ adapter }, cached);
      metrics.modelTokens.inc({ adapter, direction: "input" }, input);
      metrics.modelTokens.inc({ adapter, direction: "output" }, output);
      metrics.modelCost.inc({ adapter }, cost);
    },
  };
}

/** Counts what the store tells of. */
export function commitObserver(metrics: Metrics): CommitObserver {
  return {
    committed(ms, events) {
      metrics.commitSeconds.observe(ms / 1000);
      metrics.commitEvents.observe(events);
    },
    failed: () => metrics.commitFailures.inc(),
  };
}
