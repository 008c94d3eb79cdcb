import assert from "node:assert/strict";
import { createHmac, createPublicKey } from "node:crypto";
import { after, before, beforeEach, test } from "node:test";
import { MillraceError } from "@millrace/protocol";
import { base64url, type JWTPayload } from "jose";
import { IdentityProvider } from "../../../../test/support/identity-provider.ts";
import { readSettings } from "../settings.ts";
import type { TokenVerifier } from "./access-control.ts";
import { openOidc } from "./oidc.ts";
import type { Principal } from "./principal.ts";
import { Provider } from "./provider.ts";

let idp: IdentityProvider;
/** Of the provider's client in the service: what passes is said, not waited for. */
let now = 0;

before(async () => {
  idp = await IdentityProvider.start();
});
after(() => idp[Symbol.asyncDispose]());
beforeEach(async () => {
  idp.fault = null;
  idp.metadata = {};
  await idp.rotate();
  idp.asked.length = 0;
});

/** `timeout`: how long the provider is waited for, in milliseconds. */
function open(flags: Record<string, unknown> = {}, timeout = 60_000): TokenVerifier {
  const { settings } = readSettings({
    flags: {
      oidc_issuer: idp.issuer,
      oidc_audience: "millrace",
      oidc_roles_claim: "roles",
      oidc_roles: "admins=admin,ops=run@alpha,readers=read@alpha,guests=read@beta,all=read",
      ...flags,
    },
    env: {},
    configFile: undefined,
  });
  const verifier = openOidc(settings, new Provider(idp.issuer, { now: () => now, times: { timeout } }));
  assert.ok(verifier);
  return verifier;
}

async function refusal(verified: Promise<Principal>): Promise<string> {
  try {
    await verified;
  } catch (error) {
    assert.ok(error instanceof MillraceError);
    assert.ok(["UNAUTHENTICATED", "FORBIDDEN"].includes(error.code), `${error.code}: ${error.message}`);
    return error.message;
  }
  assert.fail("it was taken");
}

const isDown = (error: unknown) => error instanceof MillraceError && error.code === "SERVICE_UNAVAILABLE";

test("a token of the provider says who its bearer is, and its roles what they may do", async () => {
  const oidc = open();
  const principal = await oidc.verify(
    await idp.token({ sub: "u1", preferred_username: "anna", email: "anna@example.org", roles: ["admins", "other"] }),
  );
  const { id, expiresAt, ...rest } = principal;
  assert.ok((expiresAt ?? 0) > Date.now());
  assert.deepEqual(rest, { kind: "token", name: "anna", project: null, scopes: ["admin"], executionId: null });
  assert.match(id, /^oidc_[0-9a-f]{32}$/);
  assert.equal((await oidc.verify(await idp.token({ sub: "u1" }))).id, id);
  assert.notEqual((await oidc.verify(await idp.token({ sub: "u2" }))).id, id);
  const { expiresAt: never } = await oidc.verify(await idp.token({ exp: 1e300 }));
  assert.doesNotThrow(() => new Date(never ?? Number.NaN).toISOString(), "a time that can be shown");
});

const GRANTS: readonly [what: string, claims: JWTPayload, project: string | null, scopes: string[], flags?: object][] =
  [
    ["no role that is known", { roles: ["nobody"] }, null, []],
    ["roles of one project together", { roles: ["ops", "readers"] }, "alpha", ["read", "run"]],
    ["a role of all projects alone, beside one of a project", { roles: ["ops", "all"] }, null, ["read"]],
    ["roles as one text", { roles: "guests nobody" }, "beta", ["read"]],
    ["roles that are no texts", { roles: [{ name: "admins" }, 7] }, null, []],
    [
      "a path to roles",
      { realm_access: { roles: ["admins"] } },
      null,
      ["admin"],
      { oidc_roles_claim: "realm_access.roles" },
    ],
    [
      "a claim with dots in its name",
      { "https://a.b/r": ["admins"] },
      null,
      ["admin"],
      { oidc_roles_claim: "https://a.b/r" },
    ],
    [
      "a path that leads through no object",
      { realm_access: "x" },
      null,
      [],
      { oidc_roles_claim: "realm_access.length" },
    ],
    [
      "scopes by name and by prefix",
      { scope: "openid millrace:write read" },
      null,
      ["read", "write"],
      { oidc_scopes_claim: "scope" },
    ],
    [
      "a project by claim",
      { roles: ["ops", "guests", "all"], team: "beta" },
      "beta",
      ["read"],
      { oidc_project_claim: "team" },
    ],
    ["no project where a claim should name it", { roles: ["admins"] }, null, [], { oidc_project_claim: "team" }],
    ["a project that can be none", { roles: ["admins"], team: "A B" }, null, [], { oidc_project_claim: "team" }],
  ];

for (const [what, claims, project, scopes, flags] of GRANTS) {
  test(`what a token opens: ${what}`, async () => {
    const principal = await open({ ...flags }).verify(await idp.token(claims));
    assert.deepEqual([principal.project, principal.scopes], [project, scopes]);
  });
}

test("roles of several projects open none of them, and whoever has them is told", async () => {
  assert.match(
    await refusal(open().verify(await idp.token({ roles: ["ops", "guests"] }))),
    /several projects \(alpha, beta\)/,
  );
});

const seconds = (more: number) => Math.floor(Date.now() / 1000) + more;

const REFUSED: readonly [
  what: string,
  claims: () => Record<string, unknown>,
  header: Record<string, unknown>,
  says: RegExp,
][] = [
  ["is expired", () => ({ exp: seconds(-31) }), {}, /has expired/],
  ["has no end", () => ({ exp: undefined }), {}, /when it expires/],
  ["is of the future", () => ({ nbf: seconds(60) }), {}, /not valid yet/],
  ["was issued in the future", () => ({ iat: seconds(60) }), {}, /not valid yet/],
  ["is of another issuer", () => ({ iss: "https://example.org" }), {}, /another issuer/],
  ["is of an issuer that begins the same", () => ({ iss: `${idp.issuer}/` }), {}, /another issuer/],
  ["is for somebody else", () => ({ aud: "other" }), {}, /another audience/],
  ["is for nobody", () => ({ aud: undefined }), {}, /another audience/],
  ["is nobody's", () => ({ sub: "" }), {}, /whose it is/],
  ["is bound to a key", () => ({ cnf: { jkt: "x" } }), {}, /no.* bearer token/],
  ["is for a logout", () => ({}), { typ: "logout+jwt" }, /opens nothing here/],
];

for (const [what, claims, header, says] of REFUSED) {
  test(`a token that ${what} is refused without a question to the provider`, async () => {
    assert.match(await refusal(open().verify(await idp.token(claims(), header))), says);
    assert.deepEqual(idp.asked, []);
  });
}

test("a token within the tolerance of clocks, for several audiences, of the types of RFC 9068 is taken", async () => {
  const oidc = open();
  for (const typ of ["JWT", "at+jwt", "application/at+jwt"])
    await oidc.verify(await idp.token({ exp: seconds(-20), nbf: seconds(20), aud: ["other", "millrace"] }, { typ }));
});

test("a client that is not among those that are allowed gets nowhere with its tokens", async () => {
  const oidc = open({ oidc_allowed_clients: "cli, web" });
  await oidc.verify(await idp.token({ azp: "cli" }));
  await oidc.verify(await idp.token({ client_id: "web" }));
  for (const claims of [{ azp: "evil" }, {}, { azp: "evil", client_id: "web" }])
    assert.match(await refusal(oidc.verify(await idp.token(claims))), /not allowed here/);
});

/** A token that nobody signed as the provider does. */
function forged(header: object, signature: (input: string) => string): string {
  const claims = { iss: idp.issuer, aud: "millrace", sub: "somebody", exp: seconds(3600), roles: ["admins"] };
  const input = `${base64url.encode(JSON.stringify(header))}.${base64url.encode(JSON.stringify(claims))}`;
  return `${input}.${signature(input)}`;
}

test("forged tokens are refused: no signature, the public key as a secret, a key of their own, another's signature", async () => {
  const oidc = open();
  const [key] = idp.keys;
  assert.ok(key);
  const pem = createPublicKey({ key: { ...key.publicJwk }, format: "jwk" }).export({ type: "spki", format: "pem" });
  const hmac = (secret: string | Buffer) => (input: string) =>
    createHmac("sha256", secret).update(input).digest("base64url");
  const { kid } = key;
  const others = await IdentityProvider.start();
  try {
    const tokens = [
      forged({ alg: "none", kid }, () => ""),
      forged({ alg: "NONE", kid }, () => ""),
      forged({ alg: "HS256", kid }, hmac(pem)),
      forged({ alg: "RS256", kid }, hmac(pem)),
      forged({ alg: "RS256", kid }, () => ""),
      forged({ alg: "RS256", kid, crit: ["x"] }, hmac(pem)),
      await others.token({ iss: idp.issuer }, { kid }),
      await others.token({ iss: idp.issuer }, { kid: "other", jku: `${others.issuer}/keys` }),
      await others.token({ iss: idp.issuer }, { kid, jwk: others.keys[0]?.publicJwk }),
    ];
    for (const token of tokens) await refusal(oidc.verify(token));
    assert.deepEqual(others.asked, [], "a token cannot say where its key is");
  } finally {
    await others[Symbol.asyncDispose]();
  }
});

test("what is no token is refused, whatever it is, and what is too long is not even looked at", async () => {
  const oidc = open();
  const good = await idp.token();
  const [head = "", body = "", signature = ""] = good.split(".");
  for (const junk of [
    "",
    ".",
    "..",
    "a.b.c",
    "mr_x_y",
    `${head}..${signature}`,
    `${head}.${body}`,
    `${good}.x`,
    `${good}\0`,
    "e30.e30.e30",
    "ü.ü.ü",
  ])
    await refusal(oidc.verify(junk));
  assert.match(await refusal(oidc.verify(await idp.token({ roles: "x".repeat(20_000) }))), /too long/);
});

test("tokens are taken by every kind of asymmetric key, also where they do not say which one", async () => {
  for (const alg of ["RS256", "PS384", "ES256", "EdDSA"]) {
    const key = await idp.rotate(alg);
    const more = await idp.rotate(alg);
    idp.keys = [more, key];
    const oidc = open();
    await oidc.verify(await idp.token({}, {}, key));
    await oidc.verify(await idp.token({}, { kid: undefined }, key));
  }
});

test("a key that is new at the provider is found, and tokens of keys that are nowhere cost one look in half a minute", async () => {
  now = 1_000_000;
  const oidc = open();
  await oidc.verify(await idp.token());
  assert.equal(idp.looks, 1);
  const flood = async () => {
    for (let index = 0; index < 50; index += 1)
      await refusal(oidc.verify(await idp.token({}, { kid: `junk-${index}` })));
  };
  await flood();
  assert.equal(idp.looks, 1);
  const old = await idp.token();
  await idp.rotate();
  now += 30_000;
  await Promise.all([1, 2, 3].map(async () => oidc.verify(await idp.token())));
  assert.equal(idp.looks, 2);
  await flood();
  assert.equal(idp.looks, 2);
  assert.match(await refusal(oidc.verify(old)), /signature/);
});

test("keys are looked for again behind the answers, so that one that was withdrawn opens nothing for long", async () => {
  now = 2_000_000;
  const oidc = open();
  const token = await idp.token();
  await oidc.verify(token);
  await idp.rotate();
  now += 600_001;
  await oidc.verify(token);
  while (idp.looks < 2) await new Promise((resolve) => setImmediate(resolve));
  await assert.rejects(async () => {
    for (;;) await oidc.verify(token);
  }, /signature/);
});

test("a provider that is down is no reason to refuse a token, and is not asked for each of them", async () => {
  now = 3_000_000;
  const faults: IdentityProvider["fault"][] = [
    (_, response) => Boolean(response.writeHead(500).end()),
    (_, response) => Boolean(response.writeHead(302, { location: "/elsewhere" }).end()),
    (_, response) => Boolean(response.end("no json")),
    (_, response) => Boolean(response.end(JSON.stringify({ keys: "none" }))),
    (request) => Boolean(request.socket.destroy()),
    // Never an answer.
    () => true,
    (_, response) => Boolean(response.end("x".repeat(2 * 1024 * 1024))),
  ];
  for (const fault of faults) {
    const oidc = open({}, 2_000);
    idp.asked.length = 0;
    idp.fault = fault;
    for (let index = 0; index < 5; index += 1) await assert.rejects(oidc.verify(await idp.token()), isDown);
    assert.equal(idp.asked.length, 1);
    assert.ok(!idp.asked.includes("/elsewhere"));
    idp.fault = null;
    now += 5_000;
    await oidc.verify(await idp.token());
  }
});

test("where the provider goes away, the keys that are known serve for an hour, and unknown ones cannot be told", async () => {
  now = 4_000_000;
  const oidc = open();
  await oidc.verify(await idp.token());
  idp.fault = (_, response) => Boolean(response.writeHead(503).end());
  now += 3_600_000;
  await oidc.verify(await idp.token());
  await assert.rejects(oidc.verify(await idp.token({}, { kid: "new" })), isDown);
  now += 1;
  await assert.rejects(oidc.verify(await idp.token()), isDown);
});

test("a discovery document of another issuer, or with keys on a line without TLS, is not gone by", async () => {
  now = 5_000_000;
  for (const metadata of [
    { issuer: "https://example.org" },
    { jwks_uri: "http://10.0.0.1/keys" },
    { jwks_uri: "file:///etc/passwd" },
    { jwks_uri: 7 },
  ]) {
    idp.metadata = metadata;
    await assert.rejects(open().verify(await idp.token()), isDown);
  }
});
