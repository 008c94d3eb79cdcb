import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { dependencies } from "../../scripts/dependencies.ts";
import { billOfMaterials } from "../../scripts/sbom.ts";

const shipped = new Set(
  dependencies().flatMap(({ name, version, use }) => (use === "development" ? [] : [`${name}@${version}`])),
);

/** What the schema of CycloneDX 1.5 asks for, of what is used of it. */
const license = z.union([
  z.object({ license: z.union([z.looseObject({ id: z.string() }), z.looseObject({ name: z.string() })]) }),
  z.object({ expression: z.string() }),
]);
const component = z.looseObject({
  type: z.enum(["application", "library", "framework"]),
  "bom-ref": z.string().min(1),
  name: z.string().min(1),
  version: z.string().min(1),
  purl: z.string().startsWith("pkg:npm/"),
  licenses: z.array(license).min(1),
});
const cyclone = z.looseObject({
  bomFormat: z.literal("CycloneDX"),
  specVersion: z.literal("1.5"),
  serialNumber: z.string().regex(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
  version: z.int().min(1),
  metadata: z.looseObject({ timestamp: z.iso.datetime(), component: component.partial({ licenses: true }) }),
  components: z.array(
    component.extend({ hashes: z.array(z.object({ alg: z.literal("SHA-512"), content: z.string() })).optional() }),
  ),
  dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()) })),
});

test("the bill of materials as CycloneDX has all that is shipped, with licences and hashes, and nothing that is not", () => {
  const bill = cyclone.parse(billOfMaterials("cyclonedx"));
  assert.equal(bill.metadata.component.name, "millrace");
  assert.doesNotMatch(JSON.stringify(bill), /file:\/\/|\/tmp\/|"pedigree"/, "nothing of the machine that made it");
  const ofRegistry = bill.components.filter(({ purl }) => !/^pkg:npm\/(?:millrace|%40millrace)/.test(purl));
  const names = ofRegistry.map(({ purl }) => decodeURIComponent(purl.slice("pkg:npm/".length)));
  assert.deepEqual(new Set(names), shipped);
  for (const { hashes, name } of ofRegistry) assert.equal(hashes?.length, 1, name);
  const refs = bill.components.map((each) => each["bom-ref"]);
  assert.equal(new Set(refs).size, refs.length, "references are unique");
  const known = new Set([...refs, bill.metadata.component["bom-ref"]]);
  for (const { ref, dependsOn } of bill.dependencies)
    for (const each of [ref, ...dependsOn]) assert.ok(known.has(each));
});

const spdx = z.looseObject({
  spdxVersion: z.literal("SPDX-2.3"),
  dataLicense: z.literal("CC0-1.0"),
  SPDXID: z.literal("SPDXRef-DOCUMENT"),
  name: z.literal("millrace"),
  documentNamespace: z.url(),
  creationInfo: z.looseObject({ created: z.iso.datetime(), creators: z.array(z.string()).min(1) }),
  packages: z.array(
    z.looseObject({
      SPDXID: z.string().regex(/^SPDXRef-[a-zA-Z0-9.-]+$/),
      name: z.string(),
      versionInfo: z.string(),
      downloadLocation: z.string(),
      licenseDeclared: z.string(),
    }),
  ),
  relationships: z.array(z.looseObject({ spdxElementId: z.string(), relatedSpdxElement: z.string() })),
});

test("the bill of materials as SPDX has the same packages", () => {
  const bill = spdx.parse(billOfMaterials("spdx"));
  const names = bill.packages
    .filter(({ name }) => name !== "millrace" && !name.startsWith("@millrace/"))
    .map(({ name, versionInfo }) => `${name}@${versionInfo}`);
  assert.equal(new Set(bill.packages.map(({ SPDXID }) => SPDXID)).size, bill.packages.length, "references are unique");
  assert.deepEqual(new Set(names), shipped);
});
