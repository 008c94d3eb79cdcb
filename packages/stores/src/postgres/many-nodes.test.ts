import { manyNodesConformance, type NodesUnderTest } from "../conformance/many-nodes.ts";
import { onDatabase, overPostgres, temporaryDatabase } from "../support/postgres.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { openNode } from "./temporary-store.ts";

await overPostgres(() => manyNodesConformance("PostgreSQL", openNodes));

/** Nodes on one database, each by a way of its own. */
async function openNodes(): Promise<NodesUnderTest> {
  const database = await temporaryDatabase();
  const closing: (() => Promise<void>)[] = [];
  return {
    async open(options) {
      const proxy = await TcpProxy.open(database.url);
      const store = await openNode(proxy.through(database.url), options);
      closing.push(async () => {
        proxy.letGo();
        await store.close();
        await proxy[Symbol.asyncDispose]();
      });
      return {
        journal: store.journal,
        work: store.work,
        failures: store.failures,
        kept: store.kept,
        records: store.records,
        ownership: store.ownership,
        readAfter: (after, maxBytes) => store.source.readAfter(after, maxBytes),
        freeze: () => proxy.hold(),
        thaw: () => proxy.letGo(),
      };
    },
    async haveAllRunOut() {
      const [row] = await onDatabase(database.url, "SELECT bool_and(lease_until < now()) AS all FROM nodes");
      return row?.all === true;
    },
    async [Symbol.asyncDispose]() {
      for (const close of closing) await close();
      await database[Symbol.asyncDispose]();
    },
  };
}
