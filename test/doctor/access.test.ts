import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { millrace } from "../support/command.ts";
import { examine, found, privateFolder, sound } from "./diagnosis.ts";

const ADMIN_KEY = "0123456789abcdef0123456789abcdef";

test("a service that would not start, as others reach it and there is no credential, is a problem until there is one", async () => {
  using folder = privateFolder();
  const data_dir = folder.path;
  for (const flags of [
    { host: "0.0.0.0" },
    { access: "on" },
    { trusted_proxies: "loopback" },
    { public_url: "https://mill.example" },
  ]) {
    const refused = await examine({ flags: { data_dir, ...flags } });
    found(refused, "access", "problem", /no credential yet: the service does not start.*millrace keys create admin/);
  }
  found(await examine({ flags: { data_dir } }), "access", "ok", /No credential is wanted: 127\.0\.0\.1/);
  const off = await examine({ flags: { data_dir, host: "0.0.0.0", access: "off" } });
  found(off, "access", "problem", /access is off: the service does not start/);

  const withAdmin = await examine({ flags: { data_dir, host: "0.0.0.0" }, env: { MILLRACE_ADMIN_KEY: ADMIN_KEY } });
  found(withAdmin, "access", "ok", /A credential is wanted; there is admin_key/);
  assert.doesNotMatch(JSON.stringify(withAdmin), new RegExp(ADMIN_KEY));
  const made = await millrace(["keys", "create", "admin", "--scopes", "admin", "--data-dir", data_dir]);
  assert.equal(made.code, 0, made.stderr);
  found(await examine({ flags: { data_dir, host: "0.0.0.0" } }), "access", "ok", /there is 1 API key\./);
  found(await examine({ flags: { data_dir } }), "access", "ok", /A credential is wanted; there is 1 API key\./);
  const database = new DatabaseSync(join(data_dir, "millrace.db"));
  database.exec("UPDATE api_keys SET expires_at = 1");
  database.close();
  found(await examine({ flags: { data_dir } }), "access", "problem", /Every API key has expired.*does not start/);
});

test("what lets others in unasked, and ways on which keys can be read, are warnings", async () => {
  using folder = privateFolder();
  const env = { MILLRACE_ADMIN_KEY: ADMIN_KEY };
  const examined = (flags: Record<string, unknown>) => examine({ flags: { data_dir: folder.path, ...flags }, env });
  found(await examined({ host: "0.0.0.0", access: "unprotected" }), "access", "warning", /may run pipelines/);
  found(await examined({ trusted_proxies: "loopback", access: "off" }), "access", "warning", /may run pipelines/);
  found(await examined({ host: "0.0.0.0" }), "access", "warning", /no setting tells of a proxy with TLS/);
  found(await examined({ public_url: "http://mill.example" }), "access", "warning", /in the clear.*https:/);
  found(await examined({ public_url: "https://mill.example" }), "access", "warning", /trusted_proxies names none/);
  found(await examined({ trusted_proxies: "0.0.0.0/0" }), "access", "warning", /0\.0\.0\.0\/0, which is everybody/);
  const well = { host: "0.0.0.0", public_url: "https://mill.example", trusted_proxies: "10.0.0.7" };
  sound(await examined(well), "access");
});

test("an identity provider that answers is in order; one that does not, or is another, is a problem", async () => {
  const server = createServer((request, response) => {
    const { port } = server.address() as { port: number };
    const issuer = `http://127.0.0.1:${port}`;
    const isKeys = request.url === "/keys";
    response.end(JSON.stringify(isKeys ? { keys: [{ kty: "RSA" }] } : { issuer, jwks_uri: `${issuer}/keys` }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A server that listens on TCP has an address.
  const { port } = server.address() as { port: number };
  using folder = privateFolder();
  const examined = (oidc_issuer: string) =>
    examine({
      flags: { data_dir: folder.path, oidc_issuer, oidc_audience: "mill", oidc_scopes_claim: "scope" },
    });
  found(await examined(`http://127.0.0.1:${port}`), "single sign-on", "ok", /answers, and has keys/);
  found(await examined(`http://127.0.0.1:${port}/`), "single sign-on", "problem", /oidc_issuer must be exactly this/);
  server.close();
  server.closeAllConnections();
  await once(server, "close");
  found(
    await examined(`http://127.0.0.1:${port}`),
    "single sign-on",
    "problem",
    /cannot be asked: .*Correct oidc_issuer/,
  );
});
