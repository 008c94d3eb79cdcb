import { S3Server } from "../../../../test/support/s3-server.ts";
import { objectReaderConformance } from "../conformance/object-reader.ts";
import { objectStoreConformance } from "../conformance/object-store.ts";
import { S3ObjectStore } from "./s3-object-store.ts";

let made = 0;
/** Another server than the test's own: an `objects_url`, with its credentials in the usual variables. */
const other = process.env.TEST_S3_URL;

async function open() {
  made += 1;
  if (other !== undefined) {
    const [place, query] = other.split("?");
    const store = await S3ObjectStore.open(`${place}/${process.pid}-${made}?${query}`, process.env);
    return {
      objects: store,
      [Symbol.asyncDispose]: async () => {
        await store.deleteAll("");
        store.close();
      },
    };
  }
  const server = await S3Server.start();
  server.pageSize = 7;
  const store = await S3ObjectStore.open(server.url("some/prefix"), server.environment);
  return {
    objects: store,
    [Symbol.asyncDispose]: async () => {
      store.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

objectStoreConformance("s3", open);
objectReaderConformance("s3", open);
