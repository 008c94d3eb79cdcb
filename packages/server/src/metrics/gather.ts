import { Registry, type RegistryContentType } from "prom-client";

/** A value of a metric, as one process of a service sends it to another. */
export interface ValueJson {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  /** Null where it is no number. */
  readonly value: number | null;
}

/** A metric of one process. */
export interface MetricJson {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly ValueJson[];
}

/** What a process has counted so far, and reads now. */
export async function metricsOf(registry: Registry): Promise<MetricJson[]> {
  // What the library says of its values is true of them, and less than it says.
  return (await registry.getMetricsAsJSON()) as unknown as MetricJson[];
}

/** The metrics of several processes as one: values with the same labels are added up. */
export function merge(processes: readonly (readonly MetricJson[])[]): MetricJson[] {
  const merged = new Map<string, { readonly metric: MetricJson; readonly values: Map<string, ValueJson> }>();
  for (const metric of processes.flat()) {
    let into = merged.get(metric.name);
    if (into === undefined) {
      into = { metric, values: new Map() };
      merged.set(metric.name, into);
    }
    for (const each of metric.values) {
      if (each.value === null || Number.isNaN(each.value)) continue;
      const key = JSON.stringify([each.metricName ?? "", Object.entries(each.labels).sort(byName)]);
      const before = into.values.get(key);
      into.values.set(key, before === undefined ? each : { ...each, value: (before.value ?? 0) + each.value });
    }
  }
  return [...merged.values()].map(({ metric, values }) => ({ ...metric, values: [...values.values()] }));
}

/**
 * What a process that is gone leaves behind: its counts, so that those of the service never go down. What it was at the
 * moment goes with it, and so does what is its own by its name.
 */
export function leftBehind(metrics: readonly MetricJson[]): MetricJson[] {
  return metrics.filter(
    ({ type, values }) =>
      (type === "counter" || type === "histogram") && !values.some(({ labels }) => labels.process !== undefined),
  );
}

/** The format that a scraper reads. */
export type Format = RegistryContentType;

/** Writes metrics in the format. */
export async function render(metrics: readonly MetricJson[], format: Format): Promise<string> {
  const registry = new Registry<Format>();
  registry.setContentType(format);
  for (const metric of metrics) {
    const wrapped = {
      ...metric,
      // OpenMetrics has other names than those that they are registered by: the library sets them here.
      get() {
        return { ...metric, name: this.name };
      },
    };
    // All that the registry uses of a metric.
    registry.registerMetric(wrapped as unknown as Parameters<typeof registry.registerMetric>[0]);
  }
  return registry.metrics();
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
