import { probeBucket } from "@millrace/stores/probe";
import type { Check } from "./check.ts";
import { ok, problem } from "./finding.ts";

/** The bucket: listed, written, read and deleted from. */
export const objectsCheck: Check = {
  name: "objects",
  async run({ report: { settings }, environment }) {
    if (settings.objects_url === null) return [];
    const probe = await probeBucket(settings.objects_url, environment);
    return [
      probe.kind === "usable"
        ? ok("The bucket can be listed, written, read and deleted from.")
        : problem(probe.message),
    ];
  },
};
