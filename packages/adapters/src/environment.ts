import { readFileSync } from "node:fs";
import { type Looked, NO_VARIABLE_RULES, readVariable, type VariableRules } from "@millrace/engine";
import { type FilePlaces, type FileRules, filePlaces } from "./file-places.ts";
import { HttpClient } from "./http/http-client.ts";

/** What the service that adapters run in lets them do, as plain values: threads are given it as well. */
export interface AdapterGrants {
  /** Hosts that HTTP adapters may ask although their addresses are private. */
  readonly httpAllowHosts: readonly string[];
  /** Hosts that they tell of the trace that a request is in; `*` is all. Default all. */
  readonly traceHosts?: readonly string[];
  /** The folder where adapters keep what outlives a run; null: nothing does. */
  readonly stateDir: string | null;
  /** Which variables of the environment pipelines may read; default: all but the service's own. */
  readonly variables?: VariableRules;
  /** Which files pipelines may reach; null, or left out: any. */
  readonly files?: FileRules | null;
}

/** What built-in adapters are made with. */
export interface AdapterEnvironment {
  /** The one way to the web. */
  readonly http: HttpClient;
  readonly stateDir: string | null;
  readonly files: FilePlaces;
  /** A variable of the environment, where pipelines may read it. */
  variable(name: string): Looked;
}

/** Nothing is allowed, and nothing kept. */
export const NO_GRANTS: AdapterGrants = { httpAllowHosts: [], stateDir: null };

/** How adapters call themselves where a request says nothing else. */
export const USER_AGENT = `Millrace/${version()}`;

/** Makes the environment of a service, or of a thread of it. */
export function adapterEnvironment({
  httpAllowHosts,
  traceHosts = ["*"],
  stateDir,
  variables,
  files = null,
}: AdapterGrants): AdapterEnvironment {
  return {
    http: new HttpClient({ allowHosts: httpAllowHosts, userAgent: USER_AGENT, traceHosts }),
    stateDir,
    files: filePlaces(files),
    variable: variablesOf(variables),
  };
}

/** Variables of this process's environment, as far as pipelines may read them. */
export function variablesOf(rules: VariableRules = NO_VARIABLE_RULES): (name: string) => Looked {
  return (name) => readVariable(name, process.env, rules);
}

function version(): string {
  const file = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return String(file.version);
}
