import type { ClaimedExecution, NodeRecord, Ownership } from "@millrace/engine";
import { textArray } from "./binary-arrays.ts";
import { type Row, text } from "./columns.ts";
import type { Committer } from "./committer.ts";
import type { Statement } from "./connection.ts";
import type { Database } from "./database.ts";
import { EXECUTION, toExecution } from "./execution-row.ts";
import type { Lease } from "./lease.ts";

/** Nodes that went so long ago are not listed any more. */
const LISTED_AFTER_THEY_WENT = "interval '10 minutes'";

const NODE =
  "nodes.id, name, version, engine, to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS started_at, lease_until > now() AND left_at IS NULL AND NOT fenced AS alive, (SELECT count(*) FROM executions WHERE owner = nodes.id AND status IN ('running', 'interrupted')) AS executions FROM nodes JOIN node_writes ON node_id = nodes.id";

/**
 * Declares nodes gone whose lease ran out, if this node's own lease is good and has been for its whole time: after the
 * database itself was away nobody takes from anybody before all had the time to renew. A group of such a node that is
 * under way holds its row: it is passed over, and comes with the next claim.
 */
const DECLARE_GONE: Statement = {
  name: "ownership_declare_gone",
  text: "UPDATE node_writes SET fenced = true WHERE node_id IN (SELECT nodes.id FROM nodes JOIN node_writes ON node_id = nodes.id WHERE lease_until < now() AND NOT fenced AND nodes.id <> $1 AND EXISTS (SELECT 1 FROM nodes AS own WHERE own.id = $1 AND own.lease_until > now() AND own.steady_since <= now() - $2::double precision * interval '1 millisecond') FOR UPDATE OF nodes, node_writes SKIP LOCKED)",
};

const GONE: Statement = {
  name: "ownership_gone",
  text: "SELECT node_id FROM node_writes WHERE fenced",
};

/** Without a join: a row that another node has just claimed is looked at again, by itself. */
const CLAIM: Statement = {
  name: "ownership_claim",
  text: `WITH free AS (SELECT key, owner AS previous FROM executions WHERE status IN ('running', 'interrupted') AND (owner IS NULL OR owner = ANY($2::text[]::uuid[])) AND ($4::text[] IS NULL OR id = ANY($4::text[])) ORDER BY key LIMIT $3 FOR UPDATE SKIP LOCKED) UPDATE executions SET owner = $1 FROM free WHERE executions.key = free.key RETURNING executions.key, previous, ${EXECUTION}`,
};

const RELEASE: Statement = {
  name: "ownership_release",
  text: "UPDATE executions SET owner = NULL WHERE owner = $1 AND id = ANY($2::text[])",
};

const RELEASE_ALL: Statement = {
  name: "ownership_release_all",
  text: "UPDATE executions SET owner = NULL WHERE owner = $1 AND status IN ('running', 'interrupted') RETURNING id",
};

const LEAVE: Statement = {
  name: "ownership_leave",
  text: "UPDATE nodes SET left_at = now(), lease_until = now() WHERE id = $1",
};

const ORPHANS: Statement = {
  name: "ownership_orphans",
  text: "SELECT count(*) AS count FROM executions WHERE status IN ('running', 'interrupted') AND (owner IS NULL OR owner IN (SELECT nodes.id FROM nodes JOIN node_writes ON node_id = nodes.id WHERE lease_until < now() OR left_at IS NOT NULL OR fenced))",
};

const NODES: Statement = {
  name: "ownership_nodes",
  text: `SELECT ${NODE} WHERE coalesce(left_at, lease_until) > now() - ${LISTED_AFTER_THEY_WENT} ORDER BY nodes.started_at, nodes.id`,
};

const OWNER: Statement = {
  name: "ownership_owner",
  text: `SELECT ${NODE} WHERE nodes.id = (SELECT owner FROM executions WHERE id = $1 AND status IN ('running', 'interrupted'))`,
};

/** Which node works on which execution, in PostgreSQL. */
export class PostgresOwnership implements Ownership {
  readonly #database: Database;
  readonly #committer: Committer;
  readonly #lease: Lease;

  constructor(database: Database, committer: Committer, lease: Lease) {
    this.#database = database;
    this.#committer = committer;
    this.#lease = lease;
  }

  get nodeId(): string {
    return this.#lease.id;
  }

  get leaseMs(): number {
    return this.#lease.leaseMs;
  }

  onLost(listener: () => void): () => void {
    return this.#lease.onLost(listener);
  }

  /** Within a group, so that a claim whose commit's answer is lost is neither lost nor made twice. */
  async claim({ limit, ids }: { limit: number; ids?: readonly string[] }): Promise<ClaimedExecution[]> {
    let nodeId = "";
    const rows = await this.#committer.submit(
      async (transaction) => {
        nodeId = transaction.nodeId;
        await transaction.ask(DECLARE_GONE, [nodeId, this.#lease.leaseMs]);
        const gone = (await transaction.ask(GONE)).map((row) => String(row.node_id));
        const claimed = await transaction.ask(CLAIM, [
          nodeId,
          textArray(gone),
          Math.min(limit, MOST_CLAIMED),
          ids === undefined ? null : textArray(ids),
        ]);
        transaction.moved(claimed.map((row) => String(row.id)));
        return claimed;
      },
      { patient: false, weight: 0 },
    );
    // Declared gone itself meanwhile: they are the next one's to claim.
    if (nodeId !== this.nodeId) return [];
    return [...rows]
      .sort((a, b) => Number(a.key) - Number(b.key))
      .map((row) => ({ record: toExecution(row), previousOwner: text(row.previous) }));
  }

  async release(executionIds: readonly string[]): Promise<void> {
    if (executionIds.length === 0) return;
    await this.#committer.submit(
      async (transaction) => {
        await transaction.ask(RELEASE, [transaction.nodeId, textArray(executionIds)]);
        transaction.moved(executionIds);
      },
      { patient: true, weight: 0 },
    );
  }

  async ownerOf(executionId: string): Promise<NodeRecord | null> {
    const [row] = await this.#database.read(OWNER, [executionId]);
    return row === undefined ? null : toNode(row);
  }

  async orphans(): Promise<number> {
    const [row] = await this.#database.read(ORPHANS);
    return Number(row?.count);
  }

  async nodes(): Promise<NodeRecord[]> {
    return (await this.#database.read(NODES)).map(toNode);
  }

  async leave(): Promise<void> {
    await this.#committer.submit(
      async (transaction) => {
        const released = await transaction.ask(RELEASE_ALL, [transaction.nodeId]);
        await transaction.ask(LEAVE, [transaction.nodeId]);
        transaction.moved(released.map((row) => String(row.id)));
      },
      { patient: true, weight: 0 },
    );
    this.#lease.stop();
  }
}

/** Executions that are claimed at once. */
const MOST_CLAIMED = 10_000;

function toNode(row: Row): NodeRecord {
  return {
    id: String(row.id),
    name: String(row.name),
    version: String(row.version),
    engine: row.engine === true,
    startedAt: String(row.started_at),
    alive: row.alive === true,
    executions: Number(row.executions),
  };
}
