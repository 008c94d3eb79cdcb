import { type AdapterEnvironment, adapterEnvironment } from "../environment.ts";

/** What adapters have where the operator lets them ask this machine, and keeps what they remember in `stateDir`. */
export function localEnvironment(stateDir: string | null = null): AdapterEnvironment {
  return adapterEnvironment({ httpAllowHosts: ["127.0.0.1", "localhost"], stateDir });
}
