import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { DEPLOY, read } from "../deploy/files.ts";
import { pages } from "../docs/pages.ts";
import { eventually } from "../support/eventually.ts";
import { Fleet } from "../support/fleet.ts";
import { freePort } from "../support/free-port.ts";
import { drops } from "../support/pipelines.ts";
import { notOfNodes, withoutSharedStack } from "../support/shared-stack.ts";
import { skipWithoutTool } from "../support/tool.ts";

const OBSERVABILITY = join(DEPLOY, "observability");

const skip = skipWithoutTool("promtool", "PROMETHEUS", "--version");

// Before the tests: while one waits for promtool, nothing else goes on here, and a server that answers would be given up.
const skipFleet = skip || notOfNodes("it starts nodes of its own") || (await withoutSharedStack());

const promtool = (...args: string[]) => execFileSync("promtool", args, { cwd: OBSERVABILITY, encoding: "utf8" });

const rules = z
  .object({
    groups: z.array(
      z.object({
        name: z.string(),
        rules: z.array(
          z.strictObject({
            alert: z.string(),
            expr: z.string(),
            for: z.string().optional(),
            labels: z.object({ severity: z.enum(["critical", "warning"]) }),
            annotations: z.strictObject({ summary: z.string(), description: z.string() }),
          }),
        ),
      }),
    ),
  })
  .parse(parse(read("observability/alerts.yaml")));

const alerts = rules.groups.flatMap((group) => group.rules);

/** What the dashboard is made of, as far as it is looked at here. */
const dashboard = z
  .looseObject({
    title: z.string(),
    uid: z.string(),
    schemaVersion: z.number(),
    templating: z.object({ list: z.array(z.looseObject({ name: z.string(), type: z.string() })) }),
    panels: z.array(
      z.looseObject({
        id: z.number(),
        type: z.enum(["row", "stat", "timeseries"]),
        title: z.string(),
        gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
        targets: z
          .array(z.looseObject({ refId: z.string(), expr: z.string(), datasource: z.object({ uid: z.string() }) }))
          .default([]),
      }),
    ),
  })
  .parse(JSON.parse(read("observability/grafana/millrace.json")));

/** The dashboard's queries, with its variables filled in as Grafana does it. */
const queries = dashboard.panels.flatMap(({ title, targets }) =>
  targets.map(({ expr }) => ({
    title,
    expr: filledIn(expr),
  })),
);

function filledIn(expr: string): string {
  return expr.replaceAll("$job", "millrace").replaceAll("$instance", ".*").replaceAll("$__rate_interval", "1m");
}

test("the rules and the configuration are ones that Prometheus takes, and the rules fire when they should", {
  skip,
}, () => {
  promtool("check", "rules", "alerts.yaml");
  promtool("check", "config", "--syntax-only", "prometheus.yaml");
  promtool("test", "rules", "alerts.test.yaml");
});

test("every alert is tried, and stands in the guide with its severity", () => {
  const tried = read("observability/alerts.test.yaml");
  const guide = pages().find(({ path }) => path === "docs/guides/monitoring.md")?.text ?? "";
  const listed = [...guide.matchAll(/^\| `(Millrace\w+)` \| (critical)? ?\|/gm)].map(([, alert, severity]) => ({
    alert,
    severity: severity ?? "warning",
  }));
  const there = alerts.map(({ alert, labels: { severity } }) => ({ alert, severity }));
  const byName = (a: { alert?: string | undefined }, b: { alert?: string | undefined }) =>
    (a.alert ?? "") < (b.alert ?? "") ? -1 : 1;
  assert.deepEqual(listed.toSorted(byName), there.toSorted(byName));
  // Where it fires: with an expectation of its own.
  for (const { alert } of alerts) assert.ok(new RegExp(`alertname: ${alert}\\n\\s+exp_alerts:\\n`).test(tried), alert);
});

test("the Prometheus operator is given the same rules", () => {
  const manifest = z
    .object({ kind: z.literal("PrometheusRule"), spec: z.unknown() })
    .parse(parse(read("kubernetes/monitoring/alerts.yaml")));
  assert.deepEqual(manifest.spec, parse(read("observability/alerts.yaml")), "npm run docs");
});

test("the dashboard's panels have ids and places of their own, and a data source that it lets one choose", () => {
  const ids = dashboard.panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const taken = new Map<string, string>();
  for (const { title, gridPos } of dashboard.panels) {
    assert.ok(gridPos.x + gridPos.w <= 24, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        const other = taken.get(`${x} ${y}`);
        assert.equal(other, undefined, `${title} lies on ${other}`);
        taken.set(`${x} ${y}`, title);
      }
    }
  }
  const variables = new Set(dashboard.templating.list.map(({ name }) => name));
  for (const { title, targets } of dashboard.panels) {
    for (const { expr, datasource } of targets) {
      assert.equal(datasource.uid, "${datasource}", title);
      for (const [, name = ""] of expr.matchAll(/\$(\w+)/g))
        assert.ok(name.startsWith("__") || variables.has(name), expr);
    }
  }
});

test("Prometheus reads every node, and all that the dashboard and the alerts ask for is there", {
  skip: skipFleet,
}, async () => {
  await using fleet = await Fleet.start(["serve", "work"]);
  await using prometheus = await startPrometheus(fleet.nodes.map(({ url }) => new URL(url).host));
  const run = await fleet.run(drops(50, 2));
  await fleet.client.executions.wait(run);
  await eventually(async () => {
    assert.deepEqual(await prometheus.values('up{job="millrace"}'), [1, 1]);
    assert.deepEqual(await prometheus.values('max(millrace_executions_ended_total{status="completed"})'), [1]);
    // A rate is known of two scrapes.
    assert.equal((await prometheus.values("rate(millrace_messages_completed_total[1m])")).length, 2);
  });
  const names = new Set([...(await prometheus.names()), ...(await prometheus.described())]);
  for (const { what, expr } of [
    ...alerts.map(({ alert, expr }) => ({ what: alert, expr })),
    ...queries.map(({ title, expr }) => ({ what: title, expr })),
  ]) {
    await prometheus.values(expr);
    for (const [name] of expr.matchAll(/\b(?:millrace|process|nodejs)_\w+/g)) {
      const metric = name.replace(/_(?:bucket|sum|count|total)$/, "");
      assert.ok(names.has(name) || names.has(metric), `${what}: there is no ${name}`);
    }
  }
  for (const { title, targets } of dashboard.panels.filter(({ type }) => type === "stat")) {
    for (const { expr } of targets)
      assert.equal((await prometheus.values(filledIn(expr))).length, 1, `${title} has a value also where all is well`);
  }
  const firing = await prometheus.values('ALERTS{alertstate="firing"}');
  assert.deepEqual(firing, [], "a service that is well alarms nobody");
});

/** A Prometheus of the test's own, which reads the targets by the configuration of `deploy/`, only more often. */
async function startPrometheus(targets: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "millrace-prometheus-"));
  const token = join(folder, "token");
  // Access control is off: a key that is none would be refused.
  writeFileSync(token, "");
  const config = z
    .looseObject({ global: z.looseObject({}), scrape_configs: z.tuple([z.looseObject({ job_name: z.string() })]) })
    .parse(parse(read("observability/prometheus.yaml")));
  const [job] = config.scrape_configs;
  const file = join(folder, "prometheus.yaml");
  writeFileSync(
    file,
    stringify({
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: [join(OBSERVABILITY, "alerts.yaml")],
      scrape_configs: [{ ...job, authorization: { credentials_file: token }, static_configs: [{ targets }] }],
    }),
  );
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    "prometheus",
    [`--config.file=${file}`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`],
    { stdio: "ignore" },
  );
  const ask = async <T>(path: string, schema: z.ZodType<T>): Promise<T> => {
    const body = await (await fetch(`${url}/api/v1/${path}`)).json();
    return z.object({ status: z.literal("success"), data: schema }).parse(body, { error: () => JSON.stringify(body) })
      .data;
  };
  const result = z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) });
  await eventually(() => fetch(`${url}/-/ready`));
  return {
    /** What a query is answered with. */
    async values(query: string): Promise<number[]> {
      const answer = await ask(`query?query=${encodeURIComponent(query)}`, result);
      return answer.result.map(({ value: [, value] }) => Number(value));
    },
    /** The names of all that there are values of. */
    names: () => ask("label/__name__/values", z.array(z.string())),
    /** The metrics that targets have described, also those without a value so far. */
    async described(): Promise<Set<string>> {
      return new Set(Object.keys(await ask("metadata", z.record(z.string(), z.unknown()))));
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) {
        const gone = once(child, "exit");
        child.kill("SIGKILL");
        await gone;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
