import type { Limits, Refusal, Standing } from "./limits.ts";

/** What a worker asks of the main process, which counts for all of them. @see Limits */
export interface LimitCalls {
  limitRequest: { params: { caller: string }; result: Standing };
  limitOpen: { params: { caller: string }; result: Refusal | null };
  limitClosed: { params: { caller: string }; result: null };
  limitCharge: { params: { caller: string; bytes: number }; result: null };
  limitAttempt: { params: { address: string }; result: Refusal | null };
  limitAttemptFailed: { params: { address: string }; result: null };
}

/** The line to the main process, as far as limits go. */
interface Line {
  call<M extends keyof LimitCalls>(method: M, params: LimitCalls[M]["params"]): Promise<LimitCalls[M]["result"]>;
}

/** The limits as a worker has them: it asks for each request that it serves itself. */
export class WorkerLimits implements Limits {
  readonly #line: Line;

  constructor(line: Line) {
    this.#line = line;
  }

  /** @see Limits */
  request(caller: string): Promise<Standing> {
    return this.#line.call("limitRequest", { caller });
  }

  /** @see Limits */
  open(caller: string): Promise<Refusal | null> {
    return this.#line.call("limitOpen", { caller });
  }

  /** @see Limits */
  closed(caller: string): void {
    this.#tell(this.#line.call("limitClosed", { caller }));
  }

  /** @see Limits */
  charge(caller: string, bytes: number): void {
    this.#tell(this.#line.call("limitCharge", { caller, bytes }));
  }

  /** @see Limits */
  attempt(address: string): Promise<Refusal | null> {
    return this.#line.call("limitAttempt", { address });
  }

  /** @see Limits */
  attemptFailed(address: string): void {
    this.#tell(this.#line.call("limitAttemptFailed", { address }));
  }

  /** With the main process gone there is nobody to tell, and soon no worker. */
  #tell(told: Promise<unknown>): void {
    told.catch(() => undefined);
  }
}

/** One worker's part of what is open: it is given back when the worker dies. */
export class WorkerShare {
  readonly #limits: Limits;
  readonly #open = new Map<string, number>();
  #gone = false;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** The worker has gone, and what it had open with it. */
  leave(): void {
    this.#gone = true;
    for (const [caller, open] of this.#open) for (let each = 0; each < open; each += 1) this.#limits.closed(caller);
    this.#open.clear();
  }

  /** What answers the worker's calls. */
  readonly handlers = {
    limitRequest: async ({ caller }: LimitCalls["limitRequest"]["params"]) => this.#limits.request(caller),
    limitOpen: async ({ caller }: LimitCalls["limitOpen"]["params"]) => {
      const refusal = await this.#limits.open(caller);
      if (refusal !== null) return refusal;
      if (this.#gone) this.#limits.closed(caller);
      else this.#open.set(caller, (this.#open.get(caller) ?? 0) + 1);
      return null;
    },
    limitClosed: ({ caller }: LimitCalls["limitClosed"]["params"]) => {
      const open = this.#open.get(caller) ?? 0;
      if (open === 0) return null;
      if (open === 1) this.#open.delete(caller);
      else this.#open.set(caller, open - 1);
      this.#limits.closed(caller);
      return null;
    },
    limitCharge: ({ caller, bytes }: LimitCalls["limitCharge"]["params"]) => {
      this.#limits.charge(caller, bytes);
      return null;
    },
    limitAttempt: async ({ address }: LimitCalls["limitAttempt"]["params"]) => this.#limits.attempt(address),
    limitAttemptFailed: ({ address }: LimitCalls["limitAttemptFailed"]["params"]) => {
      this.#limits.attemptFailed(address);
      return null;
    },
  };
}
