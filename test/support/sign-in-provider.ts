import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Provider, { type Configuration } from "oidc-provider";

/** A certified implementation of OpenID Connect, with pages of its own where anybody logs in by any name. */
export class SignInProvider {
  readonly #server: Server;
  /** Roles by login. */
  readonly roles: Readonly<Record<string, readonly string[]>>;

  private constructor(server: Server, roles: Readonly<Record<string, readonly string[]>>) {
    this.#server = server;
    this.roles = roles;
  }

  /** Listens, and answers once it has {@link clients}. */
  static async start(roles: Readonly<Record<string, readonly string[]>>): Promise<SignInProvider> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new SignInProvider(server, roles);
  }

  get issuer(): string {
    // A server that listens on TCP has an address of this kind.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The one client that it knows, and where it may lead back to. */
  serve(client: { id: string; secret: string; callback: string }): void {
    const configuration: Configuration = {
      clients: [
        {
          client_id: client.id,
          client_secret: client.secret,
          redirect_uris: [client.callback],
          token_endpoint_auth_method: "client_secret_basic",
        },
      ],
      claims: { openid: ["sub", "roles"], profile: ["preferred_username"] },
      // As most providers do: what somebody may do stands in the ID token.
      conformIdTokenClaims: false,
      pkce: { required: () => true },
      cookies: { keys: ["not a secret"] },
      findAccount: (_, id) => ({
        accountId: id,
        claims: async () => ({ sub: id, preferred_username: id, roles: this.roles[id] ?? [] }),
      }),
    };
    this.#server.on("request", new Provider(this.issuer, configuration).callback());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
