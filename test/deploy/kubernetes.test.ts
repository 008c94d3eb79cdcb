import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { Service } from "kubernetes-models/v1/Service";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { ROOT } from "../docs/pages.ts";
import { skipWithoutTool } from "../support/tool.ts";
import { DEPLOY, read, settingsOf } from "./files.ts";

/** The kinds of Kubernetes' own that are used. `module` is where their types are. */
const KINDS = {
  Deployment: { model: Deployment, module: "kubernetes-models/apps/v1/Deployment" },
  HorizontalPodAutoscaler: {
    model: HorizontalPodAutoscaler,
    module: "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler",
  },
  PodDisruptionBudget: { model: PodDisruptionBudget, module: "kubernetes-models/policy/v1/PodDisruptionBudget" },
  Service: { model: Service, module: "kubernetes-models/v1/Service" },
} as const;

const manifestSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({}),
});
type Manifest = z.infer<typeof manifestSchema>;

const manifests: { readonly file: string; readonly manifest: Manifest }[] = [];

before(() => {
  for (const folder of ["base", "autoscaling", "monitoring"]) {
    for (const name of readdirSync(join(DEPLOY, "kubernetes", folder))) {
      if (name === "kustomization.yaml") continue;
      const file = `kubernetes/${folder}/${name}`;
      for (const document of parseAllDocuments(read(file))) {
        assert.deepEqual(document.errors, [], file);
        manifests.push({ file, manifest: manifestSchema.parse(document.toJS()) });
      }
    }
  }
});

const isKind = (kind: string): kind is keyof typeof KINDS => Object.hasOwn(KINDS, kind);

/** The parts of a deployment that other files have to agree with. */
const deploymentSchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.looseObject({
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        terminationGracePeriodSeconds: z.number(),
        enableServiceLinks: z.literal(false),
        containers: z.tuple([
          z.looseObject({
            args: z.array(z.string()),
            ports: z.tuple([z.object({ name: z.string(), containerPort: z.number() })]),
            env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })),
            livenessProbe: z.looseObject({ httpGet: z.object({ path: z.literal("/health/live"), port: z.string() }) }),
            readinessProbe: z.looseObject({
              httpGet: z.object({ path: z.literal("/health/ready"), port: z.string() }),
            }),
            lifecycle: z.object({
              preStop: z.object({ exec: z.object({ command: z.tuple([z.literal("sleep"), z.string()]) }) }),
            }),
          }),
        ]),
      }),
    }),
  }),
});

const deployments = () =>
  manifests
    .filter(({ manifest }) => manifest.kind === "Deployment")
    .map(({ manifest }) => deploymentSchema.parse(manifest));

const labelsOf = (deployment: z.infer<typeof deploymentSchema>) => deployment.spec.template.metadata.labels;

test("Kubernetes: every manifest has values that its kind takes", () => {
  for (const { file, manifest } of manifests) {
    if (!isKind(manifest.kind)) continue;
    const { model } = KINDS[manifest.kind];
    // Checked by the model right here.
    assert.doesNotThrow(() => new model(manifest as never).validate(), `${file}: ${manifest.metadata.name}`);
  }
});

test("Kubernetes: no manifest has a key that its kind does not know", () => {
  const own = manifests.filter(({ manifest }) => isKind(manifest.kind));
  const lines = own.flatMap(({ manifest }, index) => [
    `import type { I${manifest.kind} as Kind${index} } from "${isKind(manifest.kind) ? KINDS[manifest.kind].module : ""}";`,
    // As a literal, so that the compiler looks for keys that are too many.
    `export const manifest${index}: Kind${index} = ${JSON.stringify(manifest)};`,
  ]);
  const folder = join(ROOT, "node_modules", ".cache", `manifests-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(join(folder, "manifests.ts"), lines.join("\n"));
    const options =
      "--ignoreConfig --noEmit --strict --skipLibCheck --module NodeNext --moduleResolution NodeNext --types node".split(
        " ",
      );
    const compiler = join(ROOT, "node_modules", ".bin", "tsc");
    const { status, stdout } = spawnSync(compiler, [...options, join(folder, "manifests.ts")], {
      cwd: ROOT,
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("Kubernetes: what selects pods selects those of one deployment, and what scales names one that is there", () => {
  const all = deployments();
  assert.deepEqual(all.map(({ metadata }) => metadata.name).toSorted(), ["millrace-serve", "millrace-work"]);
  for (const deployment of all) {
    const selected = Object.entries(deployment.spec.selector.matchLabels);
    assert.ok(selected.every(([label, value]) => labelsOf(deployment)[label] === value));
  }
  for (const { file, manifest } of manifests) {
    const spec = z
      .looseObject({
        selector: z.union([
          z.object({ matchLabels: z.record(z.string(), z.string()) }),
          z.record(z.string(), z.string()),
        ]),
        scaleTargetRef: z.looseObject({ name: z.string() }),
      })
      .partial()
      .parse(manifest.spec);
    const target = spec.scaleTargetRef?.name;
    if (target !== undefined)
      assert.ok(
        all.some(({ metadata }) => metadata.name === target),
        file,
      );
    // What is monitored is both.
    if (spec.selector === undefined || ["Deployment", "PodMonitor"].includes(manifest.kind)) continue;
    const wanted = "matchLabels" in spec.selector ? Object(spec.selector.matchLabels) : spec.selector;
    const fitting = all.filter((each) =>
      Object.entries(wanted).every(([label, value]) => labelsOf(each)[label] === value),
    );
    assert.equal(fitting.length, 1, `${file}: ${manifest.metadata.name}`);
  }
});

test("Kubernetes: nodes run commands and settings that there are, and are waited for longer than they take to stop", () => {
  const { configMapGenerator } = z
    .looseObject({ configMapGenerator: z.tuple([z.object({ literals: z.array(z.string()) })]).rest(z.unknown()) })
    .parse(parseAllDocuments(read("kubernetes/base/kustomization.yaml"))[0]?.toJS());
  const shared = Object.fromEntries(configMapGenerator[0].literals.map((literal) => literal.split("=", 2)));
  for (const { metadata, spec } of deployments()) {
    const [container] = spec.template.spec.containers;
    const own = container.env.map(({ name, value }) => [name, value ?? "a"]);
    const settings = settingsOf({
      ...shared,
      ...Object.fromEntries(own),
      MILLRACE_DATABASE_URL: "postgres://u:p@host/db",
      MILLRACE_NATS_URL: "nats://host",
    });
    assert.equal(settings.engine, metadata.name === "millrace-work");
    assert.equal(container.ports[0].containerPort, settings.port);
    assert.equal(container.livenessProbe.httpGet.port, container.ports[0].name);
    const pause = Number(container.lifecycle.preStop.exec.command[1]);
    assert.ok(spec.template.spec.terminationGracePeriodSeconds >= pause + settings.shutdown_grace + 10);
    const cli = join(ROOT, "packages", "cli", "bin", "millrace.js");
    execFileSync(process.execPath, [cli, ...container.args, "--help"], { stdio: "ignore" });
  }
});

test("Kubernetes: what collects the metrics finds every node, by its port, and with the key that the autoscaler has", () => {
  const of = (kind: string) => manifests.find(({ manifest }) => manifest.kind === kind)?.manifest;
  const { selector, podMetricsEndpoints } = z
    .looseObject({
      selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
      podMetricsEndpoints: z.tuple([
        z.looseObject({
          port: z.string(),
          path: z.literal("/metrics"),
          authorization: z.object({ credentials: z.object({ name: z.string(), key: z.string() }) }),
        }),
      ]),
    })
    .parse(of("PodMonitor")?.spec);
  for (const deployment of deployments()) {
    const labels = labelsOf(deployment);
    assert.ok(Object.entries(selector.matchLabels).every(([label, value]) => labels[label] === value));
    assert.equal(deployment.spec.template.spec.containers[0].ports[0].name, podMetricsEndpoints[0].port);
  }
  const { name, key } = podMetricsEndpoints[0].authorization.credentials;
  const { secretTargetRef } = z
    .object({ secretTargetRef: z.array(z.object({ parameter: z.string(), name: z.string(), key: z.string() })) })
    .parse(of("TriggerAuthentication")?.spec);
  assert.deepEqual(secretTargetRef, [{ parameter: "token", name, key }]);
  const { triggers } = z
    .looseObject({
      triggers: z.array(
        z.looseObject({
          metadata: z.looseObject({ authMode: z.string().optional() }),
          authenticationRef: z.object({ name: z.string() }).optional(),
        }),
      ),
    })
    .parse(of("ScaledObject")?.spec);
  for (const { metadata, authenticationRef } of triggers) {
    const wanted = metadata.authMode === undefined ? undefined : of("TriggerAuthentication")?.metadata.name;
    assert.equal(authenticationRef?.name, wanted);
  }
});

test("Kubernetes: both folders are put together, and an autoscaled deployment has no number of its own", {
  skip: skipWithoutTool("kubectl", "KUBECTL", "version", "--client"),
}, () => {
  const render = (folder: string) =>
    parseAllDocuments(
      execFileSync("kubectl", ["kustomize", join(DEPLOY, "kubernetes", folder)], { encoding: "utf8" }),
    ).map((document) => z.looseObject({ kind: z.string(), spec: z.looseObject({}).optional() }).parse(document.toJS()));
  const count = (folder: string, kind: string) => render(folder).filter((each) => each.kind === kind).length;
  assert.deepEqual([count("base", "Deployment"), count("base", "PodDisruptionBudget")], [2, 2]);
  assert.deepEqual([count("autoscaling", "HorizontalPodAutoscaler"), count("autoscaling", "ScaledObject")], [1, 1]);
  for (const { kind, spec } of render("autoscaling"))
    if (kind === "Deployment") assert.equal(spec?.replicas, undefined);
});
