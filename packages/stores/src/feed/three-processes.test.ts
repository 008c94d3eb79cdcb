import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../../../test/support/eventually.ts";
import { NatsServer, withoutNatsServer } from "../../../../test/support/nats-servers.ts";
import { openNode } from "../postgres/temporary-store.ts";
import { overPostgres, temporaryDatabase } from "../support/postgres.ts";

/** A node in a process of its own. */
class NodeProcess {
  readonly #child: ChildProcess;
  #output = "";

  constructor(url: string, servers: string, name: string) {
    const program = join(import.meta.dirname, "commit-and-listen.ts");
    this.#child = spawn(process.execPath, [program, url, servers, name], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdout?.on("data", (chunk) => {
      this.#output += chunk;
    });
  }

  get lines(): string[] {
    return this.#output.split("\n").slice(0, -1);
  }

  /** Where it begins to listen; null before. */
  get from(): number | null {
    const line = this.lines.find((text) => text.startsWith("listens after "));
    return line === undefined ? null : Number(line.slice("listens after ".length));
  }

  get told(): string[] {
    return this.lines.filter((line) => line.startsWith("told ")).map((line) => line.slice("told ".length));
  }

  get rounds(): number {
    return this.lines.filter((line) => line === "committed").length;
  }

  commit(transitions: number): void {
    this.#child.stdin?.write(`${transitions}\n`);
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}

const skip = withoutNatsServer();

await overPostgres(() => {
  test("three processes that commit at once are each told all of it in order, through a frozen node and a lost broker", {
    skip,
  }, async () => {
    await using server = await NatsServer.start({ jetStream: false });
    await using database = await temporaryDatabase();
    await using one = new NodeProcess(database.url, server.url, "one");
    await using two = new NodeProcess(database.url, server.url, "two");
    await using three = new NodeProcess(database.url, server.url, "three");
    const nodes = [one, two, three];
    await eventually(() => assert.ok(nodes.every(({ from }) => from !== null)));
    const round = async (number: number, meanwhile: () => Promise<void>) => {
      for (const node of nodes) node.commit(200);
      await meanwhile();
      await eventually(() =>
        assert.deepEqual(
          nodes.map(({ rounds }) => rounds),
          [number, number, number],
        ),
      );
    };
    await round(1, async () => {});
    await round(2, async () => {
      two.signal("SIGSTOP");
      await eventually(() => assert.deepEqual([one.rounds, three.rounds], [2, 2]));
      two.signal("SIGCONT");
    });
    await round(3, async () => {
      await server.end("SIGKILL");
      await server.start();
    });
    const store = await openNode(database.url);
    try {
      const { entries } = await store.source.readAfter(0, Number.MAX_SAFE_INTEGER);
      assert.ok(entries.length > 20, "it was more than one commit");
      await eventually(() => {
        for (const { told, from } of nodes) {
          const after = entries.filter(({ first }) => first > (from ?? 0));
          assert.deepEqual(
            told,
            after.map(({ executionId, first, last }) => `${executionId}: ${first}-${last}`),
          );
        }
      });
    } finally {
      await store.close();
    }
  });
});
