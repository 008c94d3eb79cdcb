import { quantile } from "./slope.ts";

/** Durations of what has been since it was last asked. */
export class Window {
  #values: number[] = [];

  add(ms: number): void {
    this.#values.push(ms);
  }

  /** Begins anew. Null where there was nothing. */
  take(): { readonly count: number; readonly p50: number; readonly p99: number } | null {
    const values = this.#values;
    this.#values = [];
    if (values.length === 0) return null;
    return { count: values.length, p50: quantile(values, 0.5), p99: quantile(values, 0.99) };
  }
}
