import { howToMakeOne, shownToOthers } from "../access/open-access.ts";
import type { Settings } from "../settings.ts";
import type { AccessLook } from "./access-look.ts";
import type { Check } from "./check.ts";
import { type Found, ok, problem, skipped, warning } from "./finding.ts";

/** Networks that everybody is in. */
const EVERYBODY = /^[0.:]+\/0$/;

/** Who may come in, and through what: without a credential an address that others reach is refused at the start. */
export const accessCheck: Check = {
  name: "access",
  run({ report: { settings }, access }) {
    return [credentials(settings, access), ...way(settings, access)];
  },
};

function credentials(settings: Settings, { isLocal, isOn, keys, others }: AccessLook): Found {
  const { host, access } = settings;
  const shown = isLocal ? shownToOthers(settings) : "host";
  const reached = isLocal
    ? `${shown} says that others reach the service, through a proxy`
    : `host is ${host}, which other machines can reach`;
  if (access === "off" && !isLocal) {
    return problem(
      `${reached}, and access is off: the service does not start with it.`,
      "Leave access out, and make an API key: millrace keys create admin --scopes admin.",
    );
  }
  if (access === "off" || access === "unprotected") {
    if (shown === null) return ok(`No credential is wanted (access is ${access}); ${host} is of this machine alone.`);
    return warning(
      `${reached}, and access is ${access}: whoever can reach it may run pipelines.`,
      "Make sure that nothing but a proxy that checks access can reach it, or leave access out and make an API key.",
    );
  }
  const there = [
    ...(keys === null || keys.live === 0 ? [] : [`${keys.live} API key${keys.live === 1 ? "" : "s"}`]),
    ...others,
  ];
  if (there.length > 0) return ok(`A credential is wanted; there is ${there.join(", and ")}.`);
  if (keys === null) return skipped("Whether there are API keys cannot be told: the database cannot be asked.");
  if (!isOn) return ok(`No credential is wanted: ${host} is of this machine alone, and there is no API key.`);
  if (keys.made > 0) {
    return problem(
      "Every API key has expired or was revoked, and there is no other credential: the service does not start with it.",
      howToMakeOne(settings),
    );
  }
  return problem(
    `${shown === null ? "access is on" : reached}, and there is no credential yet: the service does not start with it.`,
    howToMakeOne(settings),
  );
}

/** What credentials pass through on their way. */
function way(settings: Settings, { isLocal }: AccessLook): Found[] {
  const { public_url: publicUrl, trusted_proxies: proxies, host } = settings;
  const found: Found[] = [];
  if (
    shownToOthers({ ...settings, trusted_proxies: [], allowed_hosts: [] }) !== null &&
    publicUrl?.startsWith("http:")
  ) {
    found.push(
      warning(
        `public_url is ${publicUrl}: keys, logins and payloads pass the network in the clear.`,
        "End TLS at a proxy, and have public_url begin with https://.",
      ),
    );
  }
  if (!isLocal && publicUrl === null && proxies.length === 0) {
    found.push(
      warning(
        `host is ${host}, and no setting tells of a proxy with TLS in front: without one, keys, logins and payloads pass the network in the clear.`,
        "Put one in front, and name it in trusted_proxies, and its address in public_url.",
      ),
    );
  }
  if (publicUrl !== null && proxies.length === 0 && new URL(publicUrl).protocol === "https:") {
    found.push(
      warning(
        "public_url tells of a proxy, and trusted_proxies names none: all its clients are one caller, to limits and in the audit log.",
        "Name the proxy's address in trusted_proxies; loopback is one on this machine.",
      ),
    );
  }
  const everybody = proxies.filter((network) => EVERYBODY.test(network));
  if (everybody.length > 0) {
    found.push(
      warning(
        `trusted_proxies names ${everybody.join(" and ")}, which is everybody: any client can say that it has another's address.`,
        "Name the addresses of the proxies alone.",
      ),
    );
  }
  return found;
}
