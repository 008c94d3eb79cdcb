import { openPostgresLineageSource } from "../../packages/stores/src/postgres/lineage-source.ts";
import { openNode } from "../../packages/stores/src/postgres/temporary-store.ts";
import { overPostgres, temporaryDatabase } from "../../packages/stores/src/support/postgres.ts";
import { lineageSuite } from "./lineage-suite.ts";

await overPostgres(() =>
  lineageSuite("PostgreSQL", async () => {
    const database = await temporaryDatabase();
    const store = await openNode(database.url);
    return {
      store,
      openSource: () => openPostgresLineageSource(database.url),
      async close() {
        await store.close();
        await database[Symbol.asyncDispose]();
      },
    };
  }),
);
