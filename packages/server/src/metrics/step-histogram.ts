import { Histogram, type HistogramConfiguration } from "prom-client";

/** What was observed under one value of the label. */
interface Series {
  readonly counts: number[];
  sum: number;
}

/**
 * A histogram with one label for what is observed in every step of every message. The library looks up the labels of each
 * observation by a text that it makes of them, at half a microsecond; this one finds the label's value in a map.
 */
export class StepHistogram<L extends string> extends Histogram<L> {
  readonly #name: string;
  readonly #help: string;
  readonly #label: string;
  readonly #buckets: readonly number[];
  readonly #series = new Map<string, Series>();

  /** `labelNames` is one name. */
  constructor(options: HistogramConfiguration<L> & { readonly buckets: number[] }) {
    super(options);
    this.#name = options.name;
    this.#help = options.help;
    this.#label = options.labelNames?.[0] ?? "";
    this.#buckets = options.buckets;
  }

  /** Costs some nanoseconds. */
  record(label: string, value: number): void {
    let series = this.#series.get(label);
    if (series === undefined) {
      series = { counts: new Array(this.#buckets.length + 1).fill(0), sum: 0 };
      this.#series.set(label, series);
    }
    let at = 0;
    // Past the last bound is the bucket without one.
    while (at < this.#buckets.length && value > (this.#buckets[at] ?? 0)) at += 1;
    series.counts[at] = (series.counts[at] ?? 0) + 1;
    series.sum += value;
  }

  override async get(): ReturnType<Histogram<L>["get"]> {
    const values = [...this.#series].flatMap(([label, series]) => this.#valuesOf(label, series));
    // The labels are those that the library would have put there.
    return { name: this.#name, help: this.#help, type: "histogram", aggregator: "sum", values } as unknown as Awaited<
      ReturnType<Histogram<L>["get"]>
    >;
  }

  #valuesOf(label: string, { counts, sum }: Series) {
    const labels = { [this.#label]: label };
    let total = 0;
    const buckets = [...this.#buckets, "+Inf"].map((le, index) => {
      total += counts[index] ?? 0;
      return { metricName: `${this.#name}_bucket`, labels: { le, ...labels }, value: total };
    });
    return [
      ...buckets,
      { metricName: `${this.#name}_sum`, labels, value: sum },
      { metricName: `${this.#name}_count`, labels, value: total },
    ];
  }
}
