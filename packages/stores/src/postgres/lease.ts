import { randomUUID } from "node:crypto";
import { MillraceError } from "@millrace/protocol";
import type { Session, Statement } from "./connection.ts";

/** A lease is renewed so often while it holds. */
const RENEWALS = 4;

/** Milliseconds between attempts to renew a lease while the database cannot be reached, at most. */
const RETRY_MS = 1_000;

/** What a node says of itself. */
export interface NodeDescription {
  /** For people. */
  readonly name: string;
  readonly version: string;
  /** Whether it takes executions. */
  readonly engine: boolean;
  /** How long its lease holds after it was renewed, in milliseconds. */
  readonly leaseMs: number;
}

const REGISTER: Statement = {
  name: "lease_register",
  text: "WITH node AS (INSERT INTO nodes (id, name, version, engine, lease_until) VALUES ($1, $2, $3, $4::boolean, now() + $5::double precision * interval '1 millisecond') RETURNING id) INSERT INTO node_writes (node_id) SELECT id FROM node",
};

/** By the database's clock alone: those of nodes may differ. */
const RENEW: Statement = {
  name: "lease_renew",
  text: "UPDATE nodes SET steady_since = CASE WHEN lease_until < now() THEN now() ELSE steady_since END, lease_until = now() + $2::double precision * interval '1 millisecond' WHERE id = $1 AND left_at IS NULL AND NOT EXISTS (SELECT 1 FROM node_writes WHERE node_id = $1 AND fenced)",
};

const FORGET_OLD: Statement = {
  name: "lease_forget_old",
  text: "DELETE FROM nodes WHERE lease_until < now() - interval '1 day' AND NOT EXISTS (SELECT 1 FROM executions WHERE owner = nodes.id AND status IN ('running', 'interrupted'))",
};

/**
 * This node's lease. States: held (renewed every quarter of its time) → lost, where the database says that another node
 * has declared this one gone, be it that it could not renew in time or was frozen → held, under a new id. While the
 * database cannot be reached it stays as it is: nobody can take anything over then. What a node does that has lost its
 * lease and does not know it yet is undone by the database, so nothing depends on this process's clock.
 */
export class Lease {
  readonly #session: Session;
  readonly #description: NodeDescription;
  readonly #listeners = new Set<() => void>();
  #id: string = randomUUID();
  #timer: NodeJS.Timeout | undefined;
  #replacing: Promise<void> | null = null;
  #isOver = false;
  #renewedAt = performance.now();
  /** Told when the lease cannot be renewed as the database does not answer. Must not throw. */
  onUnreachable: (error: unknown) => void = () => {};

  constructor(session: Session, description: NodeDescription) {
    this.#session = session;
    this.#description = description;
  }

  /** Another one after the lease was lost. */
  get id(): string {
    return this.#id;
  }

  get leaseMs(): number {
    return this.#description.leaseMs;
  }

  /** Milliseconds since it was taken or renewed. */
  get ageMs(): number {
    return performance.now() - this.#renewedAt;
  }

  onLost(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes the lease. @throws what the database says */
  async take(): Promise<void> {
    await this.#register(this.#id);
    await this.#session.query(FORGET_OLD);
    this.#renewAfter(this.leaseMs / RENEWALS);
  }

  /** Another node has declared `goneId` gone: this one becomes another, unless it has. @throws what the database says */
  async replace(goneId: string): Promise<void> {
    if (this.#isOver) throw new MillraceError("SERVICE_UNAVAILABLE", "This node has given up its lease.");
    if (goneId !== this.#id) return;
    this.#replacing ??= this.#becomeAnother().finally(() => {
      this.#replacing = null;
    });
    await this.#replacing;
  }

  /** Renews it no more. */
  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  async #becomeAnother(): Promise<void> {
    const id = randomUUID();
    await this.#register(id);
    this.#id = id;
    for (const listener of this.#listeners) listener();
  }

  async #register(id: string): Promise<void> {
    const { name, version, engine, leaseMs } = this.#description;
    await this.#session.query(REGISTER, [id, name, version, engine, leaseMs]);
    this.#renewedAt = performance.now();
  }

  #renewAfter(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#isOver) return;
    this.#timer = setTimeout(() => {
      void this.#renew().then((ms) => this.#renewAfter(ms));
    }, ms);
    this.#timer.unref();
  }

  /** Returns after how many milliseconds to renew it again. */
  async #renew(): Promise<number> {
    const ms = this.leaseMs / RENEWALS;
    const id = this.#id;
    try {
      const { rowCount } = await this.#session.query(RENEW, [id, this.leaseMs]);
      if (rowCount === 0 && !this.#isOver) await this.replace(id);
      else this.#renewedAt = performance.now();
      return ms;
    } catch (error) {
      this.#session.drop();
      if (!this.#isOver) this.onUnreachable(error);
      return Math.min(ms, RETRY_MS);
    }
  }
}
