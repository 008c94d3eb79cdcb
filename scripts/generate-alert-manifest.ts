/** Writes deploy/observability/alerts.yaml as the custom resource that the Prometheus operator reads. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const DEPLOY = join(import.meta.dirname, "..", "deploy");

const HEAD = `# Generated of deploy/observability/alerts.yaml by \`npm run docs\`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: millrace
  labels:
    app.kubernetes.io/part-of: millrace
spec:
`;

const rules = readFileSync(join(DEPLOY, "observability", "alerts.yaml"), "utf8");
const indented = rules
  .slice(rules.indexOf("groups:"))
  .split("\n")
  .map((line) => (line === "" ? "" : `  ${line}`))
  .join("\n");
writeFileSync(join(DEPLOY, "kubernetes", "monitoring", "alerts.yaml"), HEAD + indented);
