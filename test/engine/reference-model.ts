import { childOf, matches, type Piece, type Plan, type RoutePlan } from "./random-pipeline.ts";

/** A message as it must have been settled, in one line; and the status that the run must end with. */
export interface Outcome {
  readonly settled: readonly string[];
  /** Whether a message fails for good on a route that ends the run then: what is settled besides depends on the moment. */
  readonly fails: boolean;
}

/** An attempt at a message. */
interface Attempt {
  /** Places of the adapters that ran; the first one, which only takes notes, is 0. */
  readonly ran: ReadonlySet<number>;
  readonly outputs: readonly { readonly to: readonly string[]; readonly piece: Piece }[];
  readonly failure: { readonly retryable: boolean } | null;
}

/**
 * What the engine must make of a plan, whatever happens to it on the way: one message after the other, in no hurry, with
 * nothing but this function's own stack.
 */
export function outcomeOf(plan: Plan): Outcome {
  const routes = new Map(plan.routes.map((route) => [route.route, route]));
  const settled: string[] = [];
  let fails = false;
  const settle = (name: string, piece: Piece) => {
    const route = routes.get(name);
    if (route === undefined) throw new Error(`There is no route ${name}.`);
    const attempts: Attempt[] = [];
    do attempts.push(attemptAt(route, piece, attempts.length + 1));
    while (attempts.at(-1)?.failure?.retryable && attempts.length <= route.maxRetries);
    // What an attempt has emitted before it failed goes on, and is not emitted again by the next.
    const outputs = attempts.reduce<Attempt["outputs"]>(
      (longest, attempt) => (attempt.outputs.length > longest.length ? attempt.outputs : longest),
      [],
    );
    const failed = attempts.at(-1)?.failure !== null;
    const emitted: Record<string, number> = {};
    for (const to of outputs.flatMap((output) => output.to)) emitted[to] = (emitted[to] ?? 0) + 1;
    settled.push(
      lineOf({
        route: name,
        label: piece.label,
        failed,
        ran: attempts.map(({ ran }) => [...ran]),
        emitted: route.batch === null ? emitted : null,
      }),
    );
    if (failed && route.onError === "fail") fails = true;
    // A batch is emitted when all of it has got through.
    if (failed && route.batch !== null) {
      for (const output of outputs) if (output.to !== route.outbound) settle(output.to[0] ?? "", output.piece);
      return;
    }
    for (const output of outputs) for (const to of output.to) settle(to, output.piece);
  };
  const [first] = plan.routes;
  if (first !== undefined) settle(first.route, { label: "0", n: 0 });
  return { settled: settled.sort(), fails };
}

/** One message as it was settled: `ran` are the places of the adapters of each attempt. */
export function lineOf(message: {
  readonly route: string;
  readonly label: string;
  readonly failed: boolean;
  readonly ran: readonly (readonly number[])[];
  /** Null where it depends on the moment. */
  readonly emitted: Readonly<Record<string, number>> | null;
}): string {
  const ran = message.ran.map((places) => places.toSorted().join(",")).join(" then ");
  const emitted =
    message.emitted === null
      ? ""
      : Object.entries(message.emitted)
          .map(([to, count]) => ` ${count} to ${to}`)
          .sort()
          .join("");
  return `${message.route} ${message.label} ${message.failed ? "failed" : "completed"}: ${ran}${emitted}`;
}

function attemptAt(route: RoutePlan, message: Piece, attempt: number): Attempt {
  const ran = new Set([0]);
  const outputs: { to: readonly string[]; piece: Piece }[] = [];
  const visit = (piece: Piece, from: number): { retryable: boolean } | null => {
    const step = route.steps[from];
    if (step === undefined) {
      if (route.batch !== null) ran.add(from + 1);
      outputs.push({ to: route.outbound, piece });
      return null;
    }
    if (step.when !== null && !matches(piece, step.when)) return visit(piece, from + 1);
    ran.add(from + 1);
    switch (step.kind) {
      case "pass":
      case "wait":
        return visit(piece, from + 1);
      case "drop":
        return matches(piece, step.what) ? null : visit(piece, from + 1);
      case "make":
        for (let index = 0; index < step.count; index += 1) {
          const failure = visit(childOf(piece, index), from + 1);
          if (failure !== null) return failure;
        }
        return null;
      case "switch":
        outputs.push({ to: [step.to[piece.n % step.to.length] ?? ""], piece });
        return null;
      case "fail":
        if (matches(piece, step.what) && attempt <= step.attempts) return { retryable: step.retryable };
        return visit(piece, from + 1);
    }
  };
  const failure = visit(message, 0);
  return { ran, outputs, failure };
}
