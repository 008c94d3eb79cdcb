import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";

/** Connections that wait to be taken: as many as the system allows by default. */
const BACKLOG = 4_096;

/** Where to listen. */
export type ListenAt =
  /** `reusePort`: together with other processes. */
  | { readonly host: string; readonly port: number; readonly reusePort?: boolean }
  /** A socket in the file system. */
  | { readonly path: string };

/** Listens; returns the port, 0 for a socket in the file system. Rejects with the system's error. */
export async function listen(app: FastifyInstance, at: ListenAt): Promise<number> {
  await app.listen({ ...at, backlog: BACKLOG });
  const address: AddressInfo | string | null = app.server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
