import { once } from "node:events";
import { createServer } from "node:net";
import type { Check } from "./check.ts";
import { isHidden } from "./data-dir-check.ts";
import { type Found, ok, problem } from "./finding.ts";
import { messageOf } from "./words.ts";

/** Where the service is to listen: free, or taken by a Millrace. */
export const portCheck: Check = {
  name: "port",
  async run({ report: { settings }, dataDir, dataDirProbe, service }) {
    const { host, port } = settings;
    if (port === 0) return [ok("Any free port is taken (port is 0).")];
    const code = await refusal(host, port);
    const isMillrace = service?.kind === "answered" && isAt(service.url, port);
    // Nodes share no data directory; of one that this user may not look into it cannot be told.
    const isFree = settings.database_url === null && !isHidden(dataDir) && (dataDirProbe?.holder ?? null) === null;
    if (code === "EADDRINUSE" && isMillrace && isFree) {
      return [
        problem(
          `A Millrace listens on ${host}:${port} that does not work on ${dataDir}.`,
          "Give this command the settings of the one that runs, or choose another port; 0 takes a free one.",
        ),
      ];
    }
    return [inWords(code, `${host}:${port}`, isMillrace)];
  },
};

function inWords(code: string | null, place: string, isOurs: boolean): Found {
  switch (code) {
    case null:
      return ok(`${place} is free.`);
    case "EADDRINUSE":
      return isOurs
        ? ok(`A Millrace listens on ${place}.`)
        : problem(
            `Another program listens on ${place}.`,
            "End it (ss -ltnp shows which it is), or choose another with port; 0 takes a free one.",
          );
    case "EACCES":
      return problem(`This user may not listen on ${place}.`, "Choose a port above 1023, and put a proxy in front.");
    case "EADDRNOTAVAIL":
      return problem(`This machine has no such address: ${place}.`, "Correct host; 0.0.0.0 is all of them.");
    default:
      return problem(`The service cannot listen on ${place}: ${code}.`, "Correct host and port.");
  }
}

function isAt(url: string, port: number): boolean {
  const { port: named, protocol } = new URL(url);
  return Number(named || (protocol === "https:" ? 443 : 80)) === port;
}

/** Listens for a moment; returns the system's reason where it cannot. */
async function refusal(host: string, port: number): Promise<string | null> {
  const server = createServer();
  try {
    server.listen({ host, port });
    await once(server, "listening");
    server.close();
    await once(server, "close");
    return null;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : messageOf(error);
  }
}
