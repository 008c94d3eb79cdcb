import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";

/** Where Debian puts the server's programs, which are not on the path. */
const VERSIONS = "/usr/lib/postgresql";

/** For the `skip` of a test: false where there is a server to be started, else why the test is skipped. */
export function withoutPostgresServer(): string | false {
  if (process.env.TEST_REQUIRE_POSTGRES === "1" || PostgresServer.programs() !== null) return false;
  return `there is no PostgreSQL server in ${VERSIONS}`;
}

/** A PostgreSQL server of the test's own, which can be killed and started again over the same files. */
export class PostgresServer {
  readonly port: number;
  readonly #folder: string;
  readonly #bin: string;
  #child: ChildProcess | null = null;

  readonly #address: string;

  private constructor(folder: string, bin: string, address: string, port: number) {
    this.#folder = folder;
    this.#bin = bin;
    this.#address = address;
    this.port = port;
  }

  /** Null where PostgreSQL's server is not installed. */
  static programs(): string | null {
    if (!existsSync(VERSIONS)) return null;
    const [newest] = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a));
    return newest === undefined ? null : join(VERSIONS, newest, "bin");
  }

  /** Starts one, with an empty folder, that listens on the address alone. */
  static async start({ address = "127.0.0.1" }: { readonly address?: string } = {}): Promise<PostgresServer> {
    const bin = PostgresServer.programs();
    assert.ok(bin !== null, "PostgreSQL's server is installed");
    const folder = mkdtempSync(join(tmpdir(), "millrace-postgres-"));
    const server = new PostgresServer(folder, bin, address, await freePort());
    if (process.getuid?.() === 0) {
      const [uid, gid] = ["-u", "-g"].map((flag) => Number(execFileSync("id", [flag, "postgres"])));
      chownSync(folder, uid ?? 0, gid ?? 0);
    }
    const [command, ...before] = server.#as([join(bin, "initdb")]);
    execFileSync(command, [...before, "-D", join(folder, "data"), "-U", "postgres", "-A", "trust"], {
      stdio: "ignore",
      cwd: folder,
    });
    // Whoever comes over the network of a test is trusted as well.
    appendFileSync(join(folder, "data", "pg_hba.conf"), `host all all ${address}/24 trust\n`);
    await server.start();
    return server;
  }

  /**
   * From its next start on whoever connects over TCP needs this password, by SCRAM, and encryption, with a certificate that
   * `openssl` has made.
   */
  demand(password: string, certificate: { readonly cert: string; readonly key: string }): void {
    const data = join(this.#folder, "data");
    const psql = [
      this.url(),
      "-qc",
      `SET password_encryption = 'scram-sha-256'; ALTER ROLE postgres PASSWORD '${password}'`,
    ];
    execFileSync("psql", psql);
    for (const [from, name] of [[certificate.cert, "server.crt"] as const, [certificate.key, "server.key"] as const]) {
      const to = join(data, name);
      copyFileSync(from, to);
      chmodSync(to, 0o600);
      const { uid, gid } = statSync(data);
      chownSync(to, uid, gid);
    }
    appendFileSync(join(data, "postgresql.conf"), "\nssl = on\n");
    writeFileSync(join(data, "pg_hba.conf"), "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n");
  }

  url(database = "postgres"): string {
    return `postgres://postgres@${this.#address}:${this.port}/${database}`;
  }

  /** Starts it, and waits until it answers. */
  async start(): Promise<void> {
    const [command, ...before] = this.#as([join(this.#bin, "postgres")]);
    const flags = ["-D", join(this.#folder, "data"), "-p", String(this.port), "-k", this.#folder, "-h", this.#address];
    await eventually(() => {
      // Its predecessor's children may not be gone: it does not start beside them.
      if (this.#child === null || this.#child.exitCode !== null) {
        this.#child = spawn(command, [...before, ...flags], { stdio: "ignore", cwd: this.#folder });
      }
      execFileSync(join(this.#bin, "pg_isready"), ["-q", "-h", this.#address, "-p", String(this.port)]);
    });
  }

  /** Kills the server with its children, as the machine's end would; or stops it in order (`SIGTERM`). */
  async end(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    // "Fast" is SIGINT: clients are not waited for. The children of a killed server find that out by themselves.
    child.kill(signal === "SIGTERM" ? "SIGINT" : "SIGKILL");
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await eventually(() => rmSync(this.#folder, { recursive: true, force: true }));
  }

  /** It does not run as root. */
  #as(command: [string, ...string[]]): [string, ...string[]] {
    return process.getuid?.() === 0
      ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", ...command]
      : command;
  }
}
