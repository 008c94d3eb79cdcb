import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";

/** A key of a provider. */
interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** An OpenID Connect provider on a port of its own, as far as its discovery document, keys and tokens go; with faults. */
export class IdentityProvider {
  readonly #server: Server;
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  keys: SigningKey[] = [];
  /** What it does in place of an answer, or before it. */
  fault: ((request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>) | null = null;
  /** What the discovery document says instead. */
  metadata: Record<string, unknown> = {};
  #kids = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<IdentityProvider> {
    const server = createServer((request, response) => void provider.#answer(request, response));
    const provider = new IdentityProvider(server);
    await provider.rotate();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return provider;
  }

  get issuer(): string {
    // A server that listens on TCP has an address of this kind.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How often its keys were asked for. */
  get looks(): number {
    return this.asked.filter((path) => path === "/keys").length;
  }

  /** Signs with a new key from now on; the old ones are gone. */
  async rotate(alg = "RS256"): Promise<SigningKey> {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    this.#kids += 1;
    const kid = `key-${this.#kids}`;
    const key = { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
    this.keys = [key];
    return key;
  }

  /** A token for an hour; `claims` and `header` go over what it has by default, and undefined ones are left out. */
  token(
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
    key = this.keys[0],
  ): Promise<string> {
    if (key === undefined) throw new Error("the provider has no key");
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: this.issuer, aud: "millrace", sub: "somebody", iat: now, exp: now + 3600, ...claims };
    return new SignJWT(all).setProtectedHeader({ alg: key.alg, kid: key.kid, ...header }).sign(key.privateKey);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked.push(request.url ?? "");
    if (this.fault !== null && (await this.fault(request, response))) return;
    const body =
      request.url === "/.well-known/openid-configuration"
        ? { issuer: this.issuer, jwks_uri: `${this.issuer}/keys`, ...this.metadata }
        : request.url === "/keys"
          ? { keys: this.keys.map(({ publicJwk }) => publicJwk) }
          : null;
    response.writeHead(body === null ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
