import { crc32 } from "node:zlib";

/** Advisory locks of PostgreSQL have two numbers: of these, the first says what is locked. */
export const LOCKS = {
  /** A body that is read: shared by its readers, for one who removes it alone. The second number is that of the body. */
  body: 0x6d6c_0001,
  /** The objects of an execution: shared by their writers, for one who removes all of them alone. */
  execution: 0x6d6c_0002,
  /** The path of a file that a config is loaded from: alone by who makes a config of it. */
  configPath: 0x6d6c_0003,
  /** How many executions are not over: alone by who creates one only where there is room. */
  unfinished: 0x6d6c_0004,
  /** What one node does for all, as retention: alone by who does it. The second number is that of its name. */
  duty: 0x6d6c_0005,
} as const;

/** The second number of a lock that is named by a text. Two texts may have the same: one waits for the other, then. */
export function lockNumber(name: string): number {
  return crc32(name) | 0;
}

/** The second number of a body's lock, in SQL. */
export const BODY_LOCK_NUMBER = "(id % 2147483647)::integer";

/** The second number of a body's lock. */
export function bodyLockNumber(body: number): number {
  return body % 0x7fff_ffff;
}
