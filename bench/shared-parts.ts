/** What the parts that all nodes of a service share can carry: PostgreSQL's one row, and NATS. */
import { measureCommits } from "./fleet/commits.ts";
import { NatsServer, natsVersion } from "./fleet/nats-feed.ts";
import { machine } from "./machine.ts";
import { benchOptions } from "./options.ts";
import { postgresVersion, startPostgres } from "./queue-servers.ts";
import { printTable, progress } from "./report.ts";

const options = benchOptions();
const seconds = options.seconds ?? (options.quick ? 1 : 8);
const [postgres, nats] = [postgresVersion(), natsVersion()];
if (postgres === null || nats === null) {
  console.error("This needs the Debian packages postgresql and nats-server.");
  process.exit(1);
}
console.log(`${machine()}. PostgreSQL ${postgres}, nats-server ${nats}; servers and clients share the cores.\n`);

const sizes = options.quick ? [5] : [5, 50, 500];
const fleets = options.quick ? [2] : [1, 2, 4, 8, 16];
const rows: string[][] = [];
for (const survives of ["process", "power"] as const) {
  await using server = await startPostgres(survives);
  for (const eventsPerGroup of sizes) {
    for (const nodes of fleets) {
      const { commitsPerSecond, eventsPerSecond, latencyMs } = measureCommits(server.address, {
        nodes,
        eventsPerGroup,
        seconds,
      });
      const row = [
        survives === "power" ? "on" : "off",
        `${eventsPerGroup}`,
        `${nodes}`,
        whole(commitsPerSecond),
        whole(eventsPerSecond),
        latencyMs.toFixed(2),
      ];
      progress(row);
      rows.push(row);
    }
  }
}
printTable(["synchronous_commit", "events a group", "nodes", "commits/s", "events/s", "ms a commit"], rows);

console.log();
const feed: string[][] = [];
await using server = await NatsServer.start();
for (const bytes of options.quick ? [2_048] : [2_048, 20_480, 204_800]) {
  for (const nodes of options.quick ? [2] : [1, 4, 16, 64]) {
    const { messages, megabytes } = await server.measureFeed({ nodes, bytes, seconds });
    const row = [whole(bytes), `${nodes}`, whole(messages), whole(megabytes)];
    progress(row);
    feed.push(row);
  }
}
printTable(["bytes a notice", "nodes that listen", "notices/s", "MB/s out of the server"], feed);

console.log();
const tasks: string[][] = [];
for (const outstanding of options.quick ? [64] : [1, 16, 256]) {
  tasks.push([`${outstanding}`, whole(await server.measureTasks({ bytes: 200, outstanding, seconds }))]);
}
printTable(["tasks on their way at once", "tasks/s put into the work queue"], tasks);

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
