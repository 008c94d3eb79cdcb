/**
 * A process of readers: opens `count` connections to a URL, counts bytes, and prints one line of JSON when all have
 * ended. The time runs from the first body byte of the first to the end of the last.
 */
import { get } from "node:http";

const [url = "", count = "1"] = process.argv.slice(2);
let bytes = 0;
let open = Number(count);
let firstByteAt = 0;

for (let reader = 0; reader < Number(count); reader += 1) {
  get(url, { agent: false }, (response) => {
    response.on("data", (chunk: Buffer) => {
      // The `retry:` line that goes out at once is not what is measured.
      if (firstByteAt === 0 && chunk.length > 64) firstByteAt = performance.now();
      bytes += chunk.length;
    });
    response.on("end", () => {
      open -= 1;
      if (open > 0) return;
      console.log(JSON.stringify({ bytes, seconds: (performance.now() - firstByteAt) / 1000 }));
    });
  });
}
