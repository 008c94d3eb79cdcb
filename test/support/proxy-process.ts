import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { blocks, ROOT } from "../docs/pages.ts";
import { freePort } from "./free-port.ts";

/** A proxy that there is a package of. */
export type ProxyName = "nginx" | "haproxy" | "caddy";

const page = readFileSync(join(ROOT, "docs", "proxies.md"), "utf8");

/** The settings that docs/proxies.md shows for it. */
export function documented(name: ProxyName): string {
  const [block, ...more] = blocks(page, name);
  assert.ok(block !== undefined && more.length === 0, `docs/proxies.md shows ${name} once`);
  return block.code;
}

/** CI has them all, and no excuse. */
export function skipWithout(name: ProxyName): string | false {
  if (spawnSync(name, [name === "caddy" ? "version" : "-v"]).error === undefined) return false;
  if (process.env[`TEST_REQUIRE_${name.toUpperCase()}`] !== undefined) throw new Error(`${name} is missing`);
  return `${name} is missing`;
}

/**
 * A proxy of the test's own. `settings` are written as docs/proxies.md has them: in front of `127.0.0.1:8000`, on ports
 * 8080 and, with TLS, 8443, with the certificate in `/etc/ssl/millrace`; here these are others.
 */
export class ProxyProcess {
  readonly #folder = mkdtempSync(join(tmpdir(), "millrace-proxy-"));
  #child: ChildProcess | null = null;
  url = "";
  tlsUrl = "";

  static async start(name: ProxyName, settings: string, upstream: string): Promise<ProxyProcess> {
    const proxy = new ProxyProcess();
    const [port, tlsPort] = [await freePort(), await freePort()];
    proxy.url = `http://127.0.0.1:${port}`;
    proxy.tlsUrl = `https://localhost:${tlsPort}`;
    makeCertificate(proxy.#folder);
    const own = settings
      .replaceAll("127.0.0.1:8000", new URL(upstream).host)
      .replaceAll("/etc/ssl/millrace", proxy.#folder)
      .replaceAll(/(listen |bind :?|^:)8080/gm, `$1${port}`)
      .replaceAll(/(listen |bind :?|^:)8443/gm, `$1${tlsPort}`);
    const child = spawn(name, proxy.#prepare(name, own), {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, HOME: proxy.#folder, XDG_DATA_HOME: proxy.#folder, XDG_CONFIG_HOME: proxy.#folder },
    });
    proxy.#child = child;
    let stderr = "";
    child.stderr?.on("data", (chunk) => {
      stderr += chunk;
    });
    for (let tries = 0; ; tries += 1) {
      const answer = await fetch(`${proxy.url}/`, { redirect: "manual" }).catch(() => null);
      await answer?.body?.cancel();
      if (answer !== null) return proxy;
      assert.ok(child.exitCode === null && tries < 400, `${name} does not answer: ${stderr}`);
      await wait(25);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGTERM");
      await once(this.#child, "exit");
    }
    rmSync(this.#folder, { recursive: true });
  }

  /** Writes what it starts from; returns its arguments. */
  #prepare(name: ProxyName, settings: string): string[] {
    const file = join(this.#folder, "settings");
    switch (name) {
      case "nginx": {
        const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => {
          mkdirSync(join(this.#folder, kind));
          return `${kind}_temp_path ${join(this.#folder, kind)};`;
        });
        writeFileSync(
          file,
          `daemon off; worker_processes 1; pid ${join(this.#folder, "pid")}; error_log stderr error;
           events {} http { access_log off; ${paths.join(" ")} ${settings} }`,
        );
        return ["-p", this.#folder, "-c", file];
      }
      case "haproxy":
        writeFileSync(file, settings);
        return ["-db", "-f", file];
      case "caddy":
        writeFileSync(file, `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${settings}`);
        return ["run", "--adapter", "caddyfile", "--config", file];
    }
  }
}

function makeCertificate(folder: string): void {
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  execFileSync(
    "openssl",
    ["req", "-x509", ...curve, "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext", names],
    { stdio: "ignore" },
  );
  writeFileSync(join(folder, "both.pem"), readFileSync(cert, "utf8") + readFileSync(key, "utf8"));
}
