/** A program for tests: writes one key of the object store in the folder given, again and again, until it is killed. */
import { FileObjectStore } from "./file-object-store.ts";

const [folder = ""] = process.argv.slice(2);
const objects = new FileObjectStore(folder);
for (let round = 0; ; round += 1) {
  const writer = `${process.pid}-${round}`;
  await objects.put("k", Buffer.from(writer.repeat(1_000)), {
    contentType: "text/plain",
    messageId: writer,
    createdAt: new Date().toISOString(),
  });
  if (round === 0) process.stdout.write("writing\n");
}
