import { MillraceError } from "@millrace/protocol";
import { tracesAreOn } from "../traces/tracing.ts";
import type { Check } from "./check.ts";
import { ok, problem, warning } from "./finding.ts";
import { messageOf } from "./words.ts";

/** The collector of traces, where one is named: whether it takes a message without spans. */
export const tracesCheck: Check = {
  name: "traces",
  async run({ report: { settings }, environment }) {
    if (!tracesAreOn(settings.traces, environment)) return [];
    // As in the service: it takes time and memory that nobody is to spend who makes no traces.
    const { askCollector } = await import("../traces/otlp-sink.ts");
    try {
      await askCollector(environment);
      return [ok("The collector takes traces.")];
    } catch (error) {
      if (error instanceof MillraceError) return [problem(error.message, "The service does not start with it.")];
      return [
        warning(
          `The collector does not take traces: ${messageOf(error)}.`,
          "Correct OTEL_EXPORTER_OTLP_ENDPOINT, or start it: runs go on without, and their spans are lost.",
        ),
      ];
    }
  },
};
