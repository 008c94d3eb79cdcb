import { VERSION } from "../version.ts";
import type { Check } from "./check.ts";
import { type Found, ok, problem, warning } from "./finding.ts";

/** The service that runs: alive, ready, and of this version. */
export const serviceCheck: Check = {
  name: "service",
  run({ service }) {
    if (service === null) return [];
    const { url } = service;
    if (service.kind === "silent") {
      return [problem(`Nothing answers at ${url} (${service.message}).`, "Start the service, or correct --url.")];
    }
    if (service.kind === "stranger") {
      return [problem(`At ${url} ${service.message}.`, "Correct --url, or look at the proxy in front.")];
    }
    const { live, ready, version } = service;
    const found: Found[] = [];
    if (!live) found.push(problem(`The service at ${url} does not answer /health/live with 200.`, "Restart it."));
    for (const [name, { status, detail, advice }] of Object.entries(ready.components)) {
      if (status === "healthy") continue;
      const message = `${url}: ${name} is ${status}${detail === null ? "" : `: ${detail}`}`;
      const todo = advice ?? "Its log says more, as does this command on its machine.";
      found.push(status === "degraded" ? warning(message, todo) : problem(message, todo));
    }
    if (version !== null && version !== VERSION) {
      found.push(
        warning(
          `The service at ${url} is Millrace ${version}, and this is ${VERSION}.`,
          "Use this command of the version that serves: what it checks may differ.",
        ),
      );
    }
    return found.length > 0 ? found : [ok(`The service at ${url} is ready${version === null ? "" : ` (${version})`}.`)];
  },
};
