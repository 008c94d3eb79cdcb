import { type Format, type MetricJson, merge, metricsOf, render } from "./gather.ts";
import type { Metrics } from "./metrics.ts";

/** Answers scrapes with the metrics of this process and of its workers together. */
export class Scrape {
  readonly #metrics: Metrics;
  readonly #others: () => Promise<readonly (readonly MetricJson[])[]>;
  #gathering: Promise<MetricJson[]> | null = null;

  /** `others`: the metrics of the other processes of this node. */
  constructor(metrics: Metrics, others: () => Promise<readonly (readonly MetricJson[])[]>) {
    this.#metrics = metrics;
    this.#others = others;
  }

  /** In the format. Scrapes at the same time are one. */
  async text(format: Format): Promise<string> {
    this.#gathering ??= this.#gather().finally(() => {
      this.#gathering = null;
    });
    return render(await this.#gathering, format);
  }

  async #gather(): Promise<MetricJson[]> {
    const [own, others] = await Promise.all([metricsOf(this.#metrics.registry), this.#others()]);
    return merge([own, ...others]);
  }
}
