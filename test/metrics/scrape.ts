import assert from "node:assert/strict";

/** A value of a metric. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What a scrape has answered, as Prometheus' text format has it. */
export interface Scraped {
  /** By the metric's name. */
  readonly metrics: ReadonlyMap<string, { readonly help: string; readonly type: string }>;
  readonly samples: readonly Sample[];
  /** The sum of the samples of a name that have the labels. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number;
}

/** Asks a node what it counts. */
export async function scrape(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Scraped> {
  const response = await fetch(`${url}/metrics`, { headers });
  assert.equal(response.status, 200);
  return parse(await response.text());
}

function parse(text: string): Scraped {
  const metrics = new Map<string, { help: string; type: string }>();
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") metrics.set(name, { help: rest, type: "" });
    else if (kind === "TYPE") metrics.set(name, { help: metrics.get(name)?.help ?? "", type: rest });
    if (line === "" || line.startsWith("#")) continue;
    const match = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    assert.ok(match, `not a sample: ${line}`);
    const labels = [...(match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, value]) => [
      label,
      value,
    ]);
    samples.push({ name: match[1] ?? "", labels: Object.fromEntries(labels), value: Number(match[3]) });
  }
  return {
    metrics,
    samples,
    sum(name, labels = {}) {
      const wanted = Object.entries(labels);
      const found = samples.filter(
        (sample) => sample.name === name && wanted.every(([label, value]) => sample.labels[label] === value),
      );
      return found.reduce((sum, { value }) => sum + value, 0);
    },
  };
}
