import assert from "node:assert/strict";
import { test } from "node:test";
import { knownSecrets } from "@millrace/engine";
import { knowOwnCredentials } from "./own-credentials.ts";

const settings = { database_url: null, nats_url: null, admin_key: null, oidc_client_secret: null };

test("what opens everything here, and what the identity provider knows the service by, are known from wherever they come", () => {
  knowOwnCredentials(
    { ...settings, admin_key: "admin-canary-of-the-config-file", oidc_client_secret: "client-canary-of-the-file" },
    { MILLRACE_ADMIN_KEY: "admin-canary-of-the-environment", MILLRACE_OIDC_CLIENT_SECRET: "client-canary-of-it" },
  );
  const said =
    "admin-canary-of-the-config-file admin-canary-of-the-environment client-canary-of-the-file client-canary-of-it";
  assert.doesNotMatch(knownSecrets.redact(said), /canary/);
});

test("what a collector of traces is told to let one in is known, and what it is told else is not", () => {
  knowOwnCredentials(settings, {
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20first-canary=, x-tenant=a-company,x-api-key=second%2Dcanary",
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: "Api-Token=third-canary, nonsense, x-key=%E0%A4%A",
  });
  const name = "[secret OTEL_EXPORTER_OTLP_HEADERS]";
  assert.equal(knownSecrets.redact("Bearer first-canary= second-canary"), `Bearer ${name} ${name}`);
  assert.equal(knownSecrets.redact("third-canary"), "[secret OTEL_EXPORTER_OTLP_TRACES_HEADERS]");
  assert.equal(knownSecrets.redact("x-tenant: a-company"), "x-tenant: a-company");
});
