import type { PostgresProbe } from "@millrace/stores/probe";
import type { Check } from "./check.ts";
import { type Found, ok, problem, warning } from "./finding.ts";

/** The oldest server that will do. */
const OLDEST = 150_000;

/** Connections that a node takes at most: for reads, commits, its lease, objects, duties, lineage and search. */
const PER_NODE = 16;

type Reached = Extract<PostgresProbe, { kind: "reached" }>;

/** The database that many nodes share. */
export const postgresCheck: Check = {
  name: "postgresql",
  run({ postgres }) {
    if (postgres === null) return [];
    if (postgres.kind === "unreachable") return [problem(postgres.message)];
    return [...server(postgres), ...role(postgres), ...schema(postgres), ...connections(postgres), ...search(postgres)];
  },
};

function server({ version, versionNumber, encoding, isStandby, synchronousCommit }: Reached): Found[] {
  const found: Found[] = [];
  if (versionNumber < OLDEST) {
    found.push(problem(`The server is PostgreSQL ${version}.`, "Update it: 15 is the oldest that will do."));
  }
  if (encoding !== "UTF8") {
    found.push(problem(`The database's encoding is ${encoding}.`, "Create it with ENCODING 'UTF8'."));
  }
  if (isStandby) {
    found.push(problem("The server is a standby, which cannot be written.", "database_url must name the primary."));
  }
  if (["off", "local"].includes(synchronousCommit)) {
    found.push(
      warning(
        `synchronous_commit is ${synchronousCommit}: commits that were shown may be gone after a crash, and with them ids that clients have as their cursors.`,
        "Set it to on for this database.",
      ),
    );
  }
  return found.length > 0 ? found : [ok(`PostgreSQL ${version} answers.`)];
}

function role({ isSuperuser, mayCreate, foreignTables }: Reached): Found[] {
  const found: Found[] = [];
  if (!mayCreate) {
    found.push(
      problem(
        "The role may not create tables in the database's schema.",
        "GRANT CREATE, or make the role the owner of a database of its own.",
      ),
    );
  }
  if (foreignTables.length > 0) {
    found.push(
      problem(
        `Tables belong to another role: ${foreignTables.join(", ")}.`,
        "Use the role that the other nodes use, or give it the tables: ALTER TABLE … OWNER TO …",
      ),
    );
  }
  if (isSuperuser) {
    found.push(
      warning(
        "The role is a superuser: whoever gets hold of database_url has the whole server.",
        "Give the service a role of its own, which owns a database of its own.",
      ),
    );
  }
  return found;
}

function schema({ schema }: Reached): Found[] {
  if (schema === null) return [ok("The database is empty; the first node makes the tables.")];
  const { database, oldestProgram, program } = schema;
  if (oldestProgram > program) {
    return [
      problem(
        `The database was migrated by a newer Millrace (schema ${database}), with which this one (schema ${program}) cannot work.`,
        "Update Millrace.",
      ),
    ];
  }
  if (database > program) {
    return [
      warning(
        `The database was migrated by a newer Millrace (schema ${database}, this one knows ${program}); this version can work with it.`,
        "Bring this node to the version of the others.",
      ),
    ];
  }
  if (database < program) {
    return [
      ok(
        `The database has schema ${database}; the next node of this version brings it to ${program}. There is no way back: take a backup before.`,
      ),
    ];
  }
  return [ok(`The database has schema ${database}, which is the newest.`)];
}

function connections({ connections: { used, max } }: Reached): Found[] {
  const free = max - used;
  const message = `${used} of ${max} connections of the server are taken; a node needs up to ${PER_NODE}.`;
  if (free >= PER_NODE) return [ok(message)];
  const advice = "Raise max_connections of the server, or end what else is connected.";
  return [free <= 0 ? problem(message, advice) : warning(message, advice)];
}

function search({ pgvector }: Reached): Found[] {
  if (pgvector === "installed") return [ok("pgvector is there: vectors are compared by it.")];
  const how =
    pgvector === "available" ? "CREATE EXTENSION vector, as a superuser, would have" : "installing pgvector would have";
  return [ok(`Vectors are compared without pgvector; ${how} large collections searched faster.`)];
}
