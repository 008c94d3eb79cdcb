import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DiagnoseOptions, type Diagnosis, diagnose, type Finding } from "@millrace/server";

/** What a diagnosis is made of; all has a default under which nothing is wrong. */
export interface Asked {
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly configFile?: string;
  readonly url?: string | null;
  readonly headers?: DiagnoseOptions["headers"];
  readonly deep?: boolean;
}

/** Diagnoses with a port that is never taken, so that no service of another test is found. */
export function examine({ flags = {}, env = {}, configFile, url = null, headers = {}, deep = false }: Asked = {}) {
  return diagnose({ sources: { flags: { port: 0, ...flags }, env, configFile }, url, headers, deep });
}

/** That a check found something of this state, which its words fit. Returns it. */
export function found(diagnosis: Diagnosis, check: string, status: Finding["status"], words: RegExp): Finding {
  const ofCheck = diagnosis.findings.filter((finding) => finding.check === check);
  const finding = ofCheck.find(
    ({ status: state, message, advice }) => state === status && words.test(`${message} ${advice ?? ""}`),
  );
  assert.ok(finding !== undefined, `${status} of ${check} that says ${words}: ${JSON.stringify(ofCheck, null, 1)}`);
  return finding;
}

/** That a check found nothing wrong. */
export function sound(diagnosis: Diagnosis, check: string): void {
  const wrong = diagnosis.findings.filter(
    (finding) => finding.check === check && finding.status !== "ok" && finding.status !== "skipped",
  );
  assert.deepEqual(wrong, []);
}

/** A folder that is gone with its scope; for this user alone, as a service makes it. */
export function privateFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "millrace-doctor-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
