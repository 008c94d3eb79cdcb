/**
 * Asks every operation of a service, as its OpenAPI document says and as nobody should, and holds every answer against
 * the document: `npx node test/fuzz/campaign.ts [--requests 100000] [--seed N] [--at 16] [--workers N]`. Without `--url` the
 * service is one of its own that asks for a key, with `TEST_STACK=nodes` several nodes; with `--open` one that asks for none,
 * with `--url` the one there, `--api-key` or `--header "Name: value"` (more than once) with each request. It deletes and
 * cancels what it comes upon.
 */
import { parseArgs } from "node:util";
import { ADMIN_KEY } from "../access/keyed-service.ts";
import { ServiceProcess } from "../support/service-process.ts";
import { type CampaignReport, campaign, FUZZED } from "./api-campaign.ts";

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    at: { type: "string", default: "16" },
    workers: { type: "string", default: "1" },
    open: { type: "boolean", default: false },
    url: { type: "string" },
    "api-key": { type: "string" },
    header: { type: "string", multiple: true, default: [] },
  },
});
const headers: Record<string, string> = {};
const apiKey = values["api-key"] ?? (values.url !== undefined || values.open ? null : ADMIN_KEY);
if (apiKey !== null) headers.Authorization = `Bearer ${apiKey}`;
for (const header of values.header)
  headers[header.split(":", 1)[0] ?? ""] = header.slice(header.indexOf(":") + 1).trim();

await using service = values.url === undefined ? await ownService() : null;
const url = values.url ?? service?.url ?? "";
// What it has until then is told.
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
const options = {
  signal: stop.signal,
  url,
  headers,
  requests: Number(values.requests),
  seed: Number(values.seed),
  at: Number(values.at),
};
console.log(`seed ${options.seed}, ${url}`);
const begun = performance.now();
const report = await campaign(options, (line) => console.log(line));
const seconds = (performance.now() - begun) / 1000;
print(report, seconds);
const errors = service?.stderr.split("\n").filter((line) => /"level":(?:50|60)/.test(line)) ?? [];
if (errors.length > 0) console.log(`the service's log has ${errors.length} errors:\n${errors.slice(0, 10).join("\n")}`);
process.exitCode = report.findings.length > 0 || report.unreached.length > 0 || errors.length > 0 ? 1 : 0;

function ownService(): Promise<ServiceProcess> {
  const flags = [...FUZZED, "--retain-executions", "500"];
  const env = apiKey === null ? {} : { MILLRACE_ADMIN_KEY: apiKey };
  return ServiceProcess.start(values.workers === "1" ? flags : [...flags, "--workers", values.workers], env);
}

function print({ requests, statuses, unreached, findings }: CampaignReport, took: number): void {
  const totals = new Map<number, number>();
  for (const [operation, counts] of [...statuses].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const sorted = [...counts].sort(([one], [other]) => one - other);
    for (const [status, count] of sorted) totals.set(status, (totals.get(status) ?? 0) + count);
    console.log(
      `${operation.padEnd(55)} ${sorted.map(([status, count]) => `${status || "left"}: ${count}`).join("  ")}`,
    );
  }
  console.log(
    `${requests} requests in ${took.toFixed(0)} s: ${JSON.stringify(Object.fromEntries([...totals].sort(([a], [b]) => a - b)))}`,
  );
  console.log(unreached.length === 0 ? "every documented success was reached" : `not reached: ${unreached.join(", ")}`);
  console.log(
    findings.length === 0 ? "no findings" : `${findings.length} findings; the first ones of each operation are above`,
  );
}
