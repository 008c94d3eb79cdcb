import {
  AdapterError,
  type AnyAdapter,
  compileExpression,
  type Definition,
  defineAdapter,
  type Emits,
  routeTo,
} from "@millrace/engine";
import type { JsonObject } from "@millrace/protocol";
import fc from "fast-check";
import { z } from "zod";
import { type Damage, define, type RouteInput } from "../support/engine-rig.ts";

/** Which payloads something is for: those whose number leaves this rest. */
export interface Rest {
  readonly modulus: number;
  readonly rest: number;
}

/** A step of a route. What it does depends on the payload and the attempt alone. */
export type StepPlan = { readonly when: Rest | null } & (
  | { readonly kind: "pass" }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "drop"; readonly what: Rest }
  | { readonly kind: "make"; readonly count: number; readonly how: "array" | "generator" | "async generator" }
  | { readonly kind: "switch"; readonly to: readonly string[] }
  | { readonly kind: "fail"; readonly what: Rest; readonly attempts: number; readonly retryable: boolean }
);

/** A route; with `batch` its messages are gathered at its end, and taken apart again on a route of their own. */
export interface RoutePlan {
  readonly route: string;
  readonly steps: readonly StepPlan[];
  readonly outbound: readonly string[];
  readonly batch: number | null;
  readonly concurrency: number;
  readonly maxRetries: number;
  readonly onError: "fail" | "continue";
}

/** What happens to the engine on the way. */
export interface Interruption {
  readonly kind: "crash" | "close";
  /** Commits before it. */
  readonly commits: number;
  /** What a crash does to the log of commits; null: nothing, as when the process alone dies. */
  readonly damage: Damage | null;
  /** How far the clock jumps then, in milliseconds. */
  readonly jumpMs: number;
}

/** What is run. Routes lead to later ones only. */
export interface Plan {
  readonly routes: readonly RoutePlan[];
  readonly maxFanoutPending: number;
  readonly interruptions: readonly Interruption[];
}

/** A payload: a name that no other message of its route has, and a number that things are decided by. */
export interface Piece {
  readonly label: string;
  readonly n: number;
}

/** The number of the `index`th piece that comes of one. */
export function childOf({ label, n }: Piece, index: number): Piece {
  return { label: `${label}.${index}`, n: (n * 7 + index + 1) % 1_000 };
}

export function matches({ n }: Piece, { modulus, rest }: Rest): boolean {
  return n % modulus === rest;
}

/** Where a route's batches are taken apart. */
export const carrierOf = (route: string) => `${route}-apart`;

const rest: fc.Arbitrary<Rest> = fc
  .integer({ min: 2, max: 5 })
  .chain((modulus) => fc.record({ modulus: fc.constant(modulus), rest: fc.nat({ max: modulus - 1 }) }));

const when = fc.option(rest, { freq: 3 });

function step(later: readonly string[]): fc.Arbitrary<StepPlan> {
  const plain: fc.Arbitrary<StepPlan>[] = [
    fc.record({ when, kind: fc.constant("pass" as const) }),
    fc.record({ when, kind: fc.constant("wait" as const), ms: fc.nat({ max: 2 }) }),
    fc.record({ when, kind: fc.constant("drop" as const), what: rest }),
    fc.record({
      when,
      kind: fc.constant("make" as const),
      count: fc.nat({ max: 6 }),
      how: fc.constantFrom("array", "generator", "async generator"),
    }),
    fc.record({
      when,
      kind: fc.constant("fail" as const),
      what: rest,
      attempts: fc.integer({ min: 1, max: 4 }),
      retryable: fc.boolean(),
    }),
  ];
  if (later.length > 0) {
    plain.push(
      fc.record({
        when,
        kind: fc.constant("switch" as const),
        to: fc.array(fc.constantFrom(...later), { minLength: 1, maxLength: 3 }),
      }),
    );
  }
  return fc.oneof(...plain);
}

function route(names: readonly string[], index: number): fc.Arbitrary<RoutePlan> {
  const later = names.slice(index + 1);
  return fc.record({
    route: fc.constant(names[index] ?? ""),
    steps: fc.array(step(later), { minLength: 1, maxLength: 3 }),
    outbound: fc.subarray([...later], { maxLength: Math.min(2, later.length) }),
    batch: fc.option(fc.integer({ min: 1, max: 4 }), { freq: 4 }),
    concurrency: fc.integer({ min: 1, max: 4 }),
    maxRetries: fc.nat({ max: 2 }),
    onError: fc.constantFrom("continue", "continue", "continue", "fail"),
  });
}

const interruption: fc.Arbitrary<Interruption> = fc.record({
  kind: fc.constantFrom("crash", "crash", "close"),
  commits: fc.integer({ min: 1, max: 12 }),
  damage: fc.option(
    fc.record({
      kind: fc.constantFrom("cut off" as const, "torn" as const),
      kept: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    { freq: 2 },
  ),
  jumpMs: fc.constantFrom(0, 0, 86_400_000, -86_400_000),
});

export const plan: fc.Arbitrary<Plan> = fc.integer({ min: 1, max: 5 }).chain((count) => {
  const names = Array.from({ length: count }, (_, index) => `r${index}`);
  return fc.record({
    routes: fc.tuple(...names.map((_, index) => route(names, index))),
    maxFanoutPending: fc.integer({ min: 1, max: 5 }),
    interruptions: fc.array(interruption, { maxLength: 6 }),
  });
});

/** The plan as the engine takes it. Each message's label is noted in `labels` when it is first worked on. */
export function definitionOf({ routes, maxFanoutPending }: Plan, labels: Map<string, string>): Definition {
  const inputs: Record<string, RouteInput> = {};
  const note = adapter("note", (payload, { id }) => {
    labels.set(id, String(payload.label ?? "batch"));
    return payload;
  });
  for (const { route: name, steps, outbound, batch, concurrency, maxRetries, onError } of routes) {
    const made = steps.map((each) => ({
      adapter: adapterOf(each),
      ...(each.when === null ? {} : { when: compileExpression(`n % ${each.when.modulus} = ${each.when.rest}`) }),
    }));
    const last = batch === null ? [] : [{ adapter: gathering(batch) }];
    inputs[name] = {
      steps: [{ adapter: note }, ...made, ...last],
      outbound: batch === null ? [...outbound] : [carrierOf(name)],
      concurrency,
      errorHandling: { maxRetries, onError },
    };
    if (batch === null) continue;
    inputs[carrierOf(name)] = { steps: [{ adapter: note }, { adapter: apart }], outbound: [...outbound] };
  }
  return define(inputs, { label: "0", n: 0 }, { maxFanoutPending });
}

function adapterOf(plan: StepPlan): AnyAdapter {
  switch (plan.kind) {
    case "pass":
      return adapter("pass", (payload) => payload);
    case "wait":
      return adapter("wait", async (payload) => {
        await new Promise((resolve) => setTimeout(resolve, plan.ms));
        return payload;
      });
    case "drop":
      return adapter("drop", (payload) => (matches(pieceOf(payload), plan.what) ? undefined : payload));
    case "make":
      return adapter("make", (payload) => {
        const made = Array.from(
          { length: plan.count },
          (_, index): JsonObject => ({
            ...childOf(pieceOf(payload), index),
          }),
        );
        if (plan.how === "array") return made;
        return plan.how === "generator" ? inTurn(made) : inTime(made);
      });
    case "switch":
      return {
        ...adapter("switch", (payload) => {
          const to = plan.to[pieceOf(payload).n % plan.to.length] ?? "";
          return [routeTo(to, payload)];
        }),
        references: () => ({ routes: plan.to.map((to, index) => ({ route: to, path: [index] })) }),
      };
    case "fail":
      return adapter("fail", (payload, { attempt }) => {
        if (matches(pieceOf(payload), plan.what) && attempt <= plan.attempts) {
          throw new AdapterError("PLANNED", "As planned.", { retryable: plan.retryable });
        }
        return payload;
      });
  }
}

function* inTurn(payloads: readonly JsonObject[]): Generator<JsonObject> {
  yield* payloads;
}

async function* inTime(payloads: readonly JsonObject[]): AsyncGenerator<JsonObject> {
  for (const payload of payloads) {
    await new Promise((resolve) => setImmediate(resolve));
    yield payload;
  }
}

const gathering = (size: number): AnyAdapter =>
  defineAdapter({
    type: "batch",
    description: "gathers",
    config: z.any(),
    gather: () => ({ size, timeoutMs: 10 }),
  });

const apart = adapter("apart", ({ items }) =>
  Array.isArray(items) ? items.map((item): JsonObject => ({ ...pieceOf(item) })) : [],
);

function adapter(
  type: string,
  process: (payload: JsonObject, message: { readonly id: string; readonly attempt: number }) => Emits | Promise<Emits>,
): AnyAdapter {
  return defineAdapter({
    type,
    description: type,
    config: z.any(),
    process: (message) => process(message.payload, message),
  });
}

const pieceSchema = z.object({ label: z.string(), n: z.number() });

function pieceOf(payload: unknown): Piece {
  return pieceSchema.parse(payload);
}
