import type { DataDirProbe, NatsProbe, PostgresProbe } from "@millrace/stores/probe";
import type { SettingSources, SettingsReport } from "../settings.ts";
import type { AccessLook } from "./access-look.ts";
import type { Found } from "./finding.ts";
import type { ServiceLook } from "./look-at-service.ts";

/** What checks stand on. Whatever several of them need is looked at once. */
export interface CheckContext {
  readonly report: SettingsReport;
  readonly environment: SettingSources["env"];
  /** Whether files are read through whatever their size. */
  readonly deep: boolean;
  /** The data directory, as an absolute path. */
  readonly dataDir: string;
  /** Null where there is no such directory, or none that this user may look into, or many nodes share a database in its place. */
  readonly dataDirProbe: DataDirProbe | null;
  /** Null where one process is the whole service. */
  readonly postgres: PostgresProbe | null;
  readonly nats: NatsProbe | null;
  readonly access: AccessLook;
  /** What answers where the service should; null where nothing does, and nobody named a URL. */
  readonly service: ServiceLook | null;
}

/** One thing that is looked at. */
export interface Check {
  readonly name: string;
  /** Must not change anything that stays. What it throws is told as a problem of its own. */
  run(context: CheckContext): Promise<readonly Found[]> | readonly Found[];
}
