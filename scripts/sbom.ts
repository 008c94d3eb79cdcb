/**
 * Prints what is shipped, the service and what is built into the dashboard, as CycloneDX or SPDX:
 * `node scripts/sbom.ts [cyclonedx|spdx]`. npm makes the list of package-lock.json; what is for development is taken out of
 * it, and licences that it cannot read are put in.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";
import { type Dependency, dependencies } from "./dependencies.ts";

const ROOT = join(import.meta.dirname, "..");

/** What the bill is of: npm would name it after the folder that it lies in. */
const NAME = "millrace";

const cycloneSchema = z.looseObject({
  metadata: z.looseObject({ component: z.looseObject({ name: z.string(), "bom-ref": z.string() }) }),
  components: z.array(
    z.looseObject({ "bom-ref": z.string(), name: z.string(), group: z.string().optional(), version: z.string() }),
  ),
  dependencies: z.array(z.looseObject({ ref: z.string(), dependsOn: z.array(z.string()).default([]) })),
});

const spdxSchema = z.looseObject({
  name: z.string(),
  packages: z.array(
    z.looseObject({
      SPDXID: z.string(),
      name: z.string(),
      versionInfo: z.string(),
      licenseDeclared: z.string().optional(),
    }),
  ),
  relationships: z.array(z.looseObject({ spdxElementId: z.string(), relatedSpdxElement: z.string() })),
});

/** The bill of materials, as JSON. */
export function billOfMaterials(format: "cyclonedx" | "spdx"): unknown {
  const shipped = new Map(
    dependencies()
      .filter(({ use }) => use !== "development")
      .map((each) => [`${each.name}@${each.version}`, each]),
  );
  const made: unknown = JSON.parse(
    execFileSync("npm", ["sbom", "--sbom-format", format, "--package-lock-only"], {
      cwd: ROOT,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  return format === "cyclonedx" ? cyclone(cycloneSchema.parse(made), shipped) : spdx(spdxSchema.parse(made), shipped);
}

type Shipped = ReadonlyMap<string, Dependency>;

function isOurs(name: string): boolean {
  return name === NAME || name.startsWith("@millrace/");
}

function cyclone(bill: z.output<typeof cycloneSchema>, shipped: Shipped) {
  const nameOf = ({ group, name }: { group?: string | undefined; name: string }) =>
    group === undefined ? name : `${group}/${name}`;
  const components = bill.components
    .filter((each) => isOurs(nameOf(each)) || shipped.has(`${nameOf(each)}@${each.version}`))
    .map((each) => {
      const license = shipped.get(`${nameOf(each)}@${each.version}`)?.license;
      return "licenses" in each || license === undefined ? each : { ...each, licenses: [{ expression: license }] };
    });
  const root = bill.metadata.component["bom-ref"];
  const refs = new Set([root, ...components.map((each) => each["bom-ref"])]);
  return {
    ...bill,
    metadata: { ...bill.metadata, component: { ...bill.metadata.component, type: "application", name: NAME } },
    components,
    dependencies: bill.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map((each) => ({ ...each, dependsOn: each.dependsOn.filter((ref) => refs.has(ref)) })),
  };
}

function spdx(bill: z.output<typeof spdxSchema>, shipped: Shipped) {
  const [root] = bill.packages;
  const packages = bill.packages
    .filter((each) => each === root || isOurs(each.name) || shipped.has(`${each.name}@${each.versionInfo}`))
    .map((each) => {
      const license = shipped.get(`${each.name}@${each.versionInfo}`)?.license;
      const own = { ...each, SPDXID: legalId(each.SPDXID) };
      return each === root
        ? { ...own, name: NAME }
        : license === undefined
          ? own
          : { ...own, licenseDeclared: license };
    });
  const ids = new Set(["SPDXRef-DOCUMENT", ...packages.map(({ SPDXID }) => SPDXID)]);
  const relationships = bill.relationships
    .map((each) => ({
      ...each,
      spdxElementId: legalId(each.spdxElementId),
      relatedSpdxElement: legalId(each.relatedSpdxElement),
    }))
    .filter(({ spdxElementId, relatedSpdxElement }) => ids.has(spdxElementId) && ids.has(relatedSpdxElement));
  return { ...bill, name: NAME, packages, relationships };
}

/** npm leaves characters of a package's name in an id that SPDX does not have there. */
function legalId(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9.-]/g, "-");
}

if (import.meta.main) {
  const [, , format = "cyclonedx"] = process.argv;
  if (format !== "cyclonedx" && format !== "spdx") {
    console.error(`The format is cyclonedx or spdx, not ${format}.`);
    process.exit(2);
  }
  process.stdout.write(`${JSON.stringify(billOfMaterials(format), null, 2)}\n`);
}
