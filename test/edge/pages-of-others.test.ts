import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { errorResponseSchema } from "@millrace/protocol";
import type { Browser } from "playwright-core";
import { launchChromium, skipWithoutChromium } from "../support/chromium.ts";
import { drops, WAITS } from "../support/pipelines.ts";
import { ServiceProcess } from "../support/service-process.ts";

for (const workers of ["1", "2"]) {
  describe(`a page of another site, with --workers ${workers}`, { skip: skipWithoutChromium() }, () => {
    let service: ServiceProcess;
    let browser: Browser;
    const site = createServer((_request, response) => {
      response.setHeader("content-type", "text/html");
      response.end("<title>evil</title>");
    });
    let siteUrl: string;
    let config: string;
    before(async () => {
      service = await ServiceProcess.start(["--workers", workers]);
      config = (await service.client.configs.create({ config_yaml: drops(1), name: "own" })).id;
      site.listen(0, "127.0.0.1");
      await once(site, "listening");
      siteUrl = `http://evil.example:${(site.address() as AddressInfo).port}`;
      browser = await launchChromium(
        "--host-resolver-rules=MAP evil.example 127.0.0.1",
        // Newer browsers ask their user first: what protects those of others is tried here.
        "--disable-features=LocalNetworkAccessChecks",
      );
    });
    after(async () => {
      await browser?.close();
      site.close();
      await service?.[Symbol.asyncDispose]();
    });

    test("starts no run, by no request that a browser sends unasked", async () => {
      const page = await browser.newPage();
      await page.goto(siteUrl);
      const url = `${service.url}/api/v1/configs/${config}/run`;
      await page.evaluate(async (to) => {
        for (const body of [undefined, "{}", new URLSearchParams({ a: "b" }), new FormData()])
          await fetch(to, { method: "POST", mode: "no-cors", ...(body === undefined ? {} : { body }) }).catch(
            () => null,
          );
      }, url);
      const answer = page.waitForResponse((response) => response.url() === url && response.status() === 403);
      await page.setContent(`<form method="post" action="${url}" enctype="text/plain"></form>`);
      await page.evaluate('document.querySelector("form").submit()');
      assert.equal(errorResponseSchema.parse(await (await answer).json()).error_code, "CROSS_SITE_REQUEST");
      assert.equal((await service.client.executions.list()).total, 0);
      await page.close();
    });

    test("reads nothing, and starts nothing, when its name leads to this machine", async () => {
      const page = await browser.newPage();
      const rebound = service.url.replace("127.0.0.1", "evil.example");
      const answer = await page.goto(`${rebound}/api/v1/configs`);
      assert.equal(answer?.status(), 421);
      assert.equal(errorResponseSchema.parse(await answer?.json()).error_code, "HOST_NOT_ALLOWED");
      // The page that it had before its name led here.
      await page.route("**/evil", (route) => route.fulfill({ contentType: "text/html", body: "evil" }));
      await page.goto(`${rebound}/evil`);
      const started = await page.evaluate(
        (path) => fetch(path, { method: "POST" }).then((response) => response.status),
        `/api/v1/configs/${config}/run`,
      );
      assert.equal(started, 421);
      const streamed = await page.evaluate(() =>
        fetch("/api/v1/events?execution_id=x").then((response) => response.status),
      );
      assert.equal(streamed, 421);
      await page.close();
    });

    test("is what neither the dashboard nor the page of the API is: those run, under their policies", async () => {
      const page = await browser.newPage();
      const refused: string[] = [];
      page.on("console", (message) => {
        if (/Content Security Policy/.test(message.text())) refused.push(message.text());
      });
      await page.goto(`${service.url}/docs`);
      await page.waitForSelector("#reference h1");
      await page.goto(service.url);
      await page.waitForSelector("main");
      assert.deepEqual(refused, []);
      await page.close();
    });

    test("shows the service in no frame, and loads nothing of it", async () => {
      const page = await browser.newPage();
      await page.goto(siteUrl);
      await page.setContent(`<iframe src="${service.url}/"></iframe>`);
      const frame = await (await page.waitForSelector("iframe")).contentFrame();
      await frame?.waitForLoadState();
      assert.doesNotMatch(frame?.url() ?? "", /127\.0\.0\.1/, "the browser shows an error in its place");
      const loaded = await page.evaluate(`new Promise((resolve) => {
        const script = document.createElement("script");
        script.src = "${service.url}/docs/reference.js";
        script.onload = () => resolve("loaded");
        script.onerror = () => resolve("refused");
        document.head.append(script);
      })`);
      assert.equal(loaded, "refused");
      await page.close();
    });
  });
}

describe("a service with a name, behind a proxy with TLS", () => {
  let service: ServiceProcess;
  before(async () => {
    service = await ServiceProcess.start([
      ...[
        "--access",
        "off",
        "--trusted-proxies",
        "loopback",
        "--allowed-hosts",
        "mill.example",
        "--cors-origins",
        "https://app.example",
      ],
    ]);
  });
  after(() => service?.[Symbol.asyncDispose]());

  const fetchAs = (path: string, headers: Readonly<Record<string, string>>, method = "GET") =>
    fetch(service.url + path, { method, headers });

  test("tells browsers to insist on TLS where they had it, by the word of its proxy, and nobody else", async () => {
    const hsts = async (headers: Readonly<Record<string, string>>) =>
      (await fetchAs("/", headers)).headers.get("strict-transport-security");
    assert.match((await hsts({ "x-forwarded-proto": "https" })) ?? "", /^max-age=31536000$/);
    assert.equal(await hsts({ "x-forwarded-proto": "http" }), null);
    assert.equal(await hsts({ forwarded: "proto=https" }), null, "not the header that its proxies set");
  });

  test("lets the pages of an allowed origin call, with Authorization and without cookies, and no others", async () => {
    const asked = {
      origin: "https://app.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type",
    };
    const preflight = await fetchAs("/api/v1/configs", asked, "OPTIONS");
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get("access-control-allow-origin"), "https://app.example");
    assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /\bAuthorization\b/);
    assert.equal(preflight.headers.get("access-control-allow-credentials"), null);
    assert.match(preflight.headers.get("vary") ?? "", /Origin/);
    const allowed = await fetchAs(
      "/api/v1/configs",
      { origin: "https://app.example", "sec-fetch-site": "cross-site" },
      "POST",
    );
    assert.equal(allowed.status, 422, "it is looked at");
    const other = await fetchAs("/api/v1/configs", { origin: "https://app.example.evil.example" }, "POST");
    assert.equal(other.status, 403);
    assert.equal(other.headers.get("access-control-allow-origin"), null);
  });

  test("has on every answer what keeps a browser from taking it for something else", async () => {
    for (const path of ["/", "/docs", "/openapi.json", "/nope", "/api/v1/executions/nope/events"]) {
      const { headers } = await fetchAs(path, {});
      assert.equal(headers.get("x-content-type-options"), "nosniff", path);
      assert.equal(headers.get("x-frame-options"), "DENY", path);
      assert.ok(headers.has("referrer-policy"), path);
      const policy = headers.get("content-security-policy") ?? "";
      assert.match(policy, /frame-ancestors 'none'/, path);
      assert.doesNotMatch(/script-src[^;]*/.exec(policy)?.[0] ?? "", /unsafe/, path);
      if (headers.get("content-type")?.startsWith("text/html")) {
        assert.equal(headers.get("cross-origin-opener-policy"), "same-origin", path);
        assert.match(headers.get("permissions-policy") ?? "", /camera=\(\)/, path);
      }
    }
  });
});

describe("a service of this machine alone, that a proxy shows to others without a word in its settings", () => {
  for (const workers of ["1", "2"]) {
    test(`asks those for a credential, and not its own machine, with ${workers === "1" ? "one process" : "workers"}`, async () => {
      await using service = await ServiceProcess.start(["--workers", workers]);
      const run = await service.run(WAITS);
      const asked = async (path: string, headers: Readonly<Record<string, string>>) => {
        const answer = await fetch(service.url + path, { headers });
        await answer.body?.cancel();
        return answer.status;
      };
      for (const path of ["/api/v1/executions", `/api/v1/executions/${run}/events`, "/metrics"]) {
        assert.equal(await asked(path, { "x-forwarded-for": "10.0.0.9" }), 401, path);
        assert.equal(await asked(path, { "x-forwarded-for": "127.0.0.1, 10.0.0.9" }), 401, path);
        assert.equal(await asked(path, { forwarded: "for=10.0.0.9;proto=https" }), 401, path);
        assert.equal(await asked(path, { "x-forwarded-for": "127.0.0.1" }), 200, path);
        assert.equal(await asked(path, {}), 200, path);
      }
      assert.equal(await asked("/health/ready", { "x-forwarded-for": "10.0.0.9" }), 200);
      const answer = await fetch(`${service.url}/api/v1/configs`, { headers: { "x-forwarded-for": "10.0.0.9" } });
      assert.match(await answer.text(), /comes from another one, through a proxy.*keys create.*access: off/);
    });
  }
});
