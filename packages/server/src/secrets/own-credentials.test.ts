import assert from "node:assert/strict";
import { test } from "node:test";
import { knownSecrets } from "@millrace/engine";
import { knowOwnCredentials } from "./own-credentials.ts";

const settings = { database_url: null, nats_url: null };

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
