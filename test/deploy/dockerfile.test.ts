import assert from "node:assert/strict";
import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { validate } from "dockerfile-utils";
import { z } from "zod";
import { ROOT } from "../docs/pages.ts";
import { eventually } from "../support/eventually.ts";
import { read } from "./files.ts";
import { BuiltImage } from "./image.ts";

const skip = process.getuid?.() === 0 && process.platform === "linux" ? false : "needs root, for roots of its own";

test("the Dockerfile has nothing that a linter minds", () => {
  assert.deepEqual(validate(read("Dockerfile")), []);
});

test("the image is made of the Node.js that package.json pins", () => {
  const { devDependencies } = z
    .looseObject({ devDependencies: z.looseObject({ node: z.string() }) })
    .parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")));
  const bases = [...read("Dockerfile").matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
  assert.deepEqual(bases, Array(2).fill(`node:${devDependencies.node}-slim`));
});

test("the steps of the Dockerfile give a service that runs as a user of its own, is healthy, and stops when it is told", {
  skip,
}, async () => {
  using image = new BuiltImage();
  image.build();
  for (const path of [
    "/app/node_modules/typescript",
    "/app/node_modules/vite",
    "/app/node_modules/node",
    "/app/test",
  ]) {
    assert.equal(image.has(path), false, `${path} is for development`);
  }
  assert.ok(image.has("/app/packages/dashboard/dist/index.html"));
  assert.ok(image.sizeOf("/app") < 200 * 1024 * 1024, `${image.sizeOf("/app")} bytes`);
  assert.notEqual(Number.parseInt(image.config.user, 10), 0);
  const { entrypoint, cmd, healthcheck, env } = image.config;
  const service = image.start([...entrypoint, ...cmd], { MILLRACE_PORT: "0", MILLRACE_HOST: "127.0.0.1" });
  try {
    const url = await firstUrl(service);
    const port = new URL(url).port;
    const check = async (at: string) => {
      const child = image.start(healthcheck.slice(healthcheck[0] === "CMD" ? 1 : 0), { MILLRACE_PORT: at });
      const [code] = await once(child, "close");
      return code;
    };
    await eventually(async () => assert.equal((await fetch(`${url}/health/ready`)).status, 200));
    assert.deepEqual([await check(port), await check("1")], [0, 1]);
    assert.match(await (await fetch(url, { headers: { accept: "text/html" } })).text(), /<html/);
    const owner = execFileSync("ps", ["-o", "uid=", "-p", String(service.pid)], { encoding: "utf8" }).trim();
    assert.equal(owner, "1000");
    assert.equal(env.MILLRACE_DATA_DIR, "/data");
    service.kill("SIGTERM");
    const [code] = await once(service, "close");
    assert.equal(code, 0);
    assert.ok(image.has("/data/millrace.db"));
  } finally {
    service.kill("SIGKILL");
  }
});

/** Where the service says that it listens. */
async function firstUrl(service: ChildProcess): Promise<string> {
  let said = "";
  let wrong = "";
  service.stderr?.on("data", (chunk) => {
    wrong += chunk;
  });
  for await (const chunk of service.stdout ?? []) {
    said += chunk;
    const url = /http:\/\/[\w.:]+/.exec(said)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error(`it did not start: ${said}${wrong}`);
}
