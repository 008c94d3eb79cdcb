import { providerOf } from "../access/oidc.ts";
import type { Check } from "./check.ts";
import { ok, problem } from "./finding.ts";
import { messageOf } from "./words.ts";

/** The identity provider: whether it answers, as the issuer that the settings name, and has keys. */
export const signOnCheck: Check = {
  name: "single sign-on",
  async run({ report: { settings } }) {
    const provider = providerOf(settings);
    if (provider === null) return [];
    try {
      await provider.keys();
      return [ok(`${provider.issuer} answers, and has keys.`)];
    } catch (error) {
      return [
        problem(
          `The provider of oidc_issuer cannot be asked: ${reasonOf(error)}.`,
          "Correct oidc_issuer, or the way to it: until then its tokens are answered 503, and nobody signs in there.",
        ),
      ];
    }
  },
};

/** What is told to strangers has its reason as its cause, and so has what the system's own client says. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? reasonOf(error.cause) : messageOf(error);
}
