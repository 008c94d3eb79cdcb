import assert from "node:assert/strict";
import { test } from "node:test";
import { diagnosisSchema } from "@millrace/server";
import { millrace } from "../support/command.ts";
import { OtlpReceiver } from "../support/otlp-receiver.ts";
import { RunningTerminal } from "../support/running-terminal.ts";
import { found, privateFolder } from "./diagnosis.ts";

test("the command exits with 0 where nothing is wrong, with 1 for a problem, and for a warning where it is to be strict", async () => {
  using folder = privateFolder();
  const fine = ["doctor", "--port", "0", "--data-dir", folder.path, "--max-subscribers", "10"];
  const [well, json, warned, strict, wrong] = await Promise.all([
    millrace([...fine, "--strict"]),
    millrace([...fine, "--json"]),
    millrace([...fine, "--cors-origins", "*"]),
    millrace([...fine, "--cors-origins", "*", "--strict"]),
    millrace([...fine, "--workers", "none"]),
  ]);
  assert.equal(well.code, 0, well.stdout);
  assert.match(well.stdout, /^ok {7}settings .*\n[\s\S]*\n0 problems, 0 warnings \(Millrace \d/);
  const diagnosis = diagnosisSchema.parse(JSON.parse(json.stdout));
  assert.deepEqual([json.code, diagnosis.status], [0, "ok"]);
  assert.match(warned.stdout, /^warning {2}settings +cors_origins is \*.*\n +→ Name the origins/m);
  assert.deepEqual([warned.code, strict.code, wrong.code], [0, 1, 1]);
  assert.match(wrong.stdout, /^problem {2}settings +--workers: /m);
  for (const { stderr } of [well, json, warned, strict, wrong]) assert.equal(stderr, "");
});

test("a collector of traces that is named has to take them, and what no service starts with is a problem", async () => {
  using folder = privateFolder();
  await using collector = await OtlpReceiver.open();
  const doctor = async (env: Readonly<Record<string, string>>) => {
    const { stdout } = await millrace(["doctor", "--port", "0", "--data-dir", folder.path, "--json"], { env });
    return diagnosisSchema.parse(JSON.parse(stdout));
  };
  const { OTEL_EXPORTER_OTLP_ENDPOINT: url = "" } = collector.env;
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: url };
  found(await doctor(endpoint), "traces", "ok", /takes traces/);
  const elsewhere = { OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/none` };
  found(await doctor(elsewhere), "traces", "warning", /does not take traces: .*OTEL_EXPORTER_OTLP_ENDPOINT/);
  const wrong = { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" };
  found(await doctor(wrong), "traces", "problem", /expected http\/protobuf.*does not start/);
  assert.ok(!(await doctor({})).findings.some(({ check }) => check === "traces"));
});

test("on a narrow terminal no word is broken: lines end between words, and what to do stands below what is wrong", async () => {
  using folder = privateFolder();
  const flags = ["--port", "0", "--data-dir", folder.path, "--max-subscribers", "10", "--cors-origins", "*"];
  await using terminal = RunningTerminal.millrace(["doctor", ...flags], { columns: 70, rows: 60 });
  assert.equal(await terminal.ended(), 0);
  const { view } = await terminal.screen();
  const at = view.findIndex((line) => line.startsWith("warning  settings"));
  const told = view.slice(
    at,
    view.findIndex((line) => line.startsWith("ok       runtime")),
  );
  const said = "cors_origins is *: pages of any site may call the API from the browsers of those who reach it.";
  assert.equal(told.map((line) => line.slice(25).trim()).join(" "), `${said} → Name the origins that need it.`);
  for (const line of told.slice(1)) assert.match(line, /^ {25}\S/);
});
