import { once } from "node:events";
import { createServer } from "node:net";

/** Those that this process was told of: they may not be listened on yet, and look free once more. */
const told = new Set<number>();

/** A port of 127.0.0.1 on which nobody listens at present, and another one at each call. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  if (told.has(address.port)) return freePort();
  told.add(address.port);
  return address.port;
}
