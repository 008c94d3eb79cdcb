import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

/** The NATS server that tests share. */
export const NATS_URL = process.env.TEST_NATS_URL ?? "nats://127.0.0.1:4222";

let reachable: Promise<string | null> | null = null;

/**
 * For the `skip` of a test: false where the server of TEST_NATS_URL answers, else why the test is skipped. With
 * TEST_REQUIRE_NATS=1 nothing is skipped, and such tests fail.
 */
export async function withoutNats(): Promise<string | false> {
  reachable ??= connect({ servers: NATS_URL.split(","), timeout: 2_000, reconnect: false }).then(
    async (connection) => {
      await connection.close();
      return null;
    },
    (error) => `no NATS server at ${NATS_URL} (${error instanceof Error ? error.message : String(error)})`,
  );
  const reason = await reachable;
  return reason === null || process.env.TEST_REQUIRE_NATS === "1" ? false : reason;
}

/** A prefix for subjects that no other test has; the streams of it are deleted after the test. */
export function natsPrefix(t: TestContext, servers: string = NATS_URL): string {
  const prefix = `millrace-test.${randomUUID()}`;
  t.after(() => deleteStreams(prefix, servers));
  return prefix;
}

/** Deletes the streams that keep what is said on subjects of a prefix. */
export async function deleteStreams(prefix: string, servers: string = NATS_URL): Promise<void> {
  const connection = await connect({ servers: servers.split(","), timeout: 2_000, reconnect: false }).catch(() => null);
  // A server of the test's own, that is gone, has taken its streams along.
  if (connection === null) return;
  try {
    const { streams } = await jetstreamManager(connection);
    for await (const name of streams.names(`${prefix}.>`)) await streams.delete(name);
  } finally {
    await connection.close();
  }
}
