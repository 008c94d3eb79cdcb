import assert from "node:assert/strict";
import { test } from "node:test";
import pino from "pino";
import { createHttpApp } from "./app.ts";
import { docsRedirect } from "./docs-page.ts";

test("where no dashboard was built the root leads to the API's page", async () => {
  const settings = { maxBodyBytes: 1024, maxHeaderBytes: 16_384, corsOrigins: [] };
  const app = await createHttpApp([docsRedirect()], settings, pino({ level: "silent" }));
  const base = await app.listen({ port: 0, host: "127.0.0.1" });
  const { status, headers } = await fetch(base, { redirect: "manual" });
  assert.deepEqual([status, headers.get("location")], [307, "/docs"]);
  await app.close();
});
