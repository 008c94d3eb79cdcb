import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a number of nodes committed that take turns at one row. */
export interface CommitFigures {
  /** Nodes that commit at once, each one group after the other. */
  readonly nodes: number;
  readonly eventsPerGroup: number;
  readonly commitsPerSecond: number;
  readonly eventsPerSecond: number;
  /** Milliseconds from a group's first statement to its commit. */
  readonly latencyMs: number;
}

/** Of a frame on the wire: what the other benchmarks deliver. */
export const FRAME_BYTES = 448;

/** An event in five is a message's end: a row that is put, and one that is removed. */
const EVENTS_PER_MESSAGE = 5;

/**
 * A group as a node commits it: messages, then the head's row, which is held from there until the commit, then the frames. Two
 * round trips. The frames lie in a table, so that it is the server that is measured and not the client.
 */
const GROUP = `\\set node random(1, 1000000)
BEGIN\\; INSERT INTO message (execution, payload) SELECT :node, payload FROM sample LIMIT :messages\\; DELETE FROM message WHERE seq IN (SELECT seq FROM message WHERE execution = :node)\\; UPDATE head SET position = position + :events RETURNING position AS last \\gset
INSERT INTO journal (position, execution, frames) SELECT :last, :node, frames FROM sample WHERE id = 1\\; COMMIT
`;

const SCHEMA = `
DROP TABLE IF EXISTS head, journal, message, sample;
CREATE TABLE head (position bigint NOT NULL) WITH (fillfactor = 10);
INSERT INTO head VALUES (0);
CREATE TABLE journal (position bigint PRIMARY KEY, execution bigint NOT NULL, frames bytea NOT NULL);
ALTER TABLE journal ALTER COLUMN frames SET STORAGE EXTERNAL;
CREATE INDEX ON journal (execution, position);
CREATE TABLE message (seq bigserial PRIMARY KEY, execution bigint NOT NULL, payload text NOT NULL);
CREATE INDEX ON message (execution, seq);
CREATE TABLE sample (id int PRIMARY KEY, payload text NOT NULL, frames bytea NOT NULL);
ALTER TABLE sample ALTER COLUMN frames SET STORAGE EXTERNAL;
`;

/** Measures groups of one size by pgbench, with so many connections. @throws Error where pgbench fails */
export function measureCommits(
  address: string,
  { nodes, eventsPerGroup, seconds }: { nodes: number; eventsPerGroup: number; seconds: number },
): CommitFigures {
  const folder = mkdtempSync(join(tmpdir(), "millrace-commits-"));
  try {
    const messages = Math.ceil(eventsPerGroup / EVENTS_PER_MESSAGE);
    const rows = `INSERT INTO sample SELECT n, repeat('x', 200), decode(repeat('ab', ${eventsPerGroup * FRAME_BYTES}), 'hex') FROM generate_series(1, 1) n;
INSERT INTO sample SELECT n, repeat('x', 200), '' FROM generate_series(2, ${messages}) n;`;
    run("psql", [address, "-q", "-v", "ON_ERROR_STOP=1", "-c", SCHEMA, "-c", rows, "-c", "ANALYZE"]);
    const script = join(folder, "group.sql");
    writeFileSync(script, GROUP);
    const output = run("pgbench", [
      "--no-vacuum",
      `--client=${nodes}`,
      "--jobs=1",
      `--time=${seconds}`,
      "--protocol=simple",
      `--define=events=${eventsPerGroup}`,
      `--define=messages=${messages}`,
      `--file=${script}`,
      address,
    ]);
    const commitsPerSecond = numberIn(output, /tps = ([\d.]+)/);
    return {
      nodes,
      eventsPerGroup,
      commitsPerSecond,
      eventsPerSecond: commitsPerSecond * eventsPerGroup,
      latencyMs: numberIn(output, /latency average = ([\d.]+) ms/),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} (Debian package postgresql): ${error?.message ?? stderr}`);
  return stdout;
}

function numberIn(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`pgbench did not say ${pattern}: ${text}`);
  return Number(found);
}
