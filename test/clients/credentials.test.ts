import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { EventSource } from "eventsource";
import type { Browser, Page } from "playwright-core";
import { watch as watchWithEventSource } from "../../examples/clients/eventsource.ts";
import { watch as watchWithFetch } from "../../examples/clients/fetch-event-source.ts";
import { LocalServer } from "../../packages/adapters/src/testing/local-server.ts";
import { KeyedService } from "../access/keyed-service.ts";
import { ROOT } from "../docs/pages.ts";
import "../support/browser-globals.ts";
import { launchChromium, skipWithoutChromium } from "../support/chromium.ts";
import { documented, ProxyProcess, skipWithout } from "../support/proxy-process.ts";

/** So long that a stream of a second does not see its end. */
const PIPELINE = taking(60);

/** So many messages, each of which takes a fortieth of a second. */
function taking(count: number): string {
  return `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: ${count} } }], outbound: [work] }
  work: { inbound: { concurrency: 2 }, adapters: [{ type: delay, config: { seconds: 0.05 } }] }
init_message: { route: make }
`;
}

describe("clients with a credential", { concurrency: true }, () => {
  for (const [how, flags, behindNginx] of [
    ["one process", [], false],
    ["two workers", ["--workers", "2"], false],
    ["two workers behind nginx", ["--workers", "2", "--trusted-proxies", "loopback"], true],
  ] as const) {
    describe(`of ${how}`, { skip: behindNginx ? skipWithout("nginx") : false }, () => {
      let service: KeyedService;
      let proxy: ProxyProcess | null = null;
      let url: string;
      let key: string;
      let site: LocalServer;
      let browser: Browser | null = null;
      before(async () => {
        site = await openSite();
        service = await KeyedService.start([...flags, "--cors-origins", site.url]);
        if (behindNginx) proxy = await ProxyProcess.start("nginx", documented("nginx"), service.url);
        url = proxy?.url ?? service.url;
        key = (await service.key(["read"])).secret;
        if (skipWithoutChromium() === false) browser = await launchChromium();
      });
      after(async () => {
        await browser?.close();
        await proxy?.[Symbol.asyncDispose]();
        await service[Symbol.asyncDispose]();
        await site[Symbol.asyncDispose]();
      });

      const streamOf = (id: string) => `${url}/api/v1/executions/${id}/events`;
      /** `id type` of each event, as a client with a key is told of them once the run is over; ends of connections left out. */
      const journal = async (id: string) => {
        const told: string[] = [];
        for await (const { id: at, type } of service.admin.executions.events(id))
          if (type !== "end") told.push(`${at} ${type}`);
        return told;
      };
      const watched = async (watch: (tell: (type: string, data: string, id: string) => void) => Promise<void>) => {
        const told: string[] = [];
        await watch((type, _, id) => {
          if (type !== "end") told.push(`${id} ${type}`);
        });
        return told;
      };
      const ticketFor = (id: string, seconds: number) => async () =>
        (await service.with(key).executions.ticket(id, { expires_in_seconds: seconds })).ticket;

      test("EventSource of npm with a key, over connections that end", async () => {
        const id = await service.run(PIPELINE);
        const told = await watched(
          (tell) =>
            new Promise((resolve) => {
              const source = new EventSource(`${streamOf(id)}?timeout=1`, {
                fetch: (input, init) =>
                  fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${key}` } }),
              });
              for (const type of ["initiated", "processing", "completed", "failed"])
                source.addEventListener(type, ({ data, lastEventId }) => tell(type, data, lastEventId));
              source.addEventListener("error", () => {
                if (source.readyState === source.CLOSED) resolve();
              });
            }),
        );
        assert.deepEqual(told, await journal(id));
      });

      test("EventSource with tickets that run out in the middle, as documented", async () => {
        const id = await service.run(taking(150));
        const told = await watched((tell) => watchWithEventSource(`${streamOf(id)}?timeout=2`, tell, ticketFor(id, 1)));
        assert.deepEqual(told, await journal(id));
      });

      test("EventSource stops where no ticket is to be had", async () => {
        const id = await service.run(PIPELINE);
        await assert.rejects(
          watchWithEventSource(
            streamOf(id),
            () => {},
            async () => {
              throw new Error("no ticket");
            },
          ),
          /no ticket/,
        );
        await assert.rejects(
          watchWithEventSource(streamOf(id), () => {}),
          /answers 401/,
        );
      });

      test("fetch-event-source with a key, as documented, and with a wrong one", async () => {
        const id = await service.run(PIPELINE);
        const told = await watched((tell) => watchWithFetch(`${streamOf(id)}?timeout=1`, tell, key));
        assert.deepEqual(told, await journal(id));
        await assert.rejects(
          watchWithFetch(streamOf(id), () => {}, `${key}0`),
          /answers 401/,
        );
      });

      for (const [program, argv] of [
        ["Python", ["python3", join(ROOT, "examples/clients/watch.py")]],
        ["Node.js", [process.execPath, join(ROOT, "examples/clients/resume.ts")]],
      ] as const) {
        test(`the guide's ${program} program takes its key from the environment`, async () => {
          const id = await service.run(PIPELINE);
          const run = async (given: string) => {
            const [command, ...args] = [...argv, `${streamOf(id)}?timeout=1`, "/dev/null"];
            const child = spawn(command, args, { env: { ...process.env, MILLRACE_API_KEY: given } });
            let stdout = "";
            let stderr = "";
            child.stdout.on("data", (chunk) => {
              stdout += chunk;
            });
            child.stderr.on("data", (chunk) => {
              stderr += chunk;
            });
            const [code] = await once(child, "close");
            return { code, stdout, stderr };
          };
          await service.admin.executions.wait(id);
          const good = await run(key);
          assert.equal(good.code, 0, good.stderr);
          assert.match(good.stdout, /completed/);
          const bad = await run("");
          assert.equal(bad.code, 1);
          assert.match(bad.stderr, /401|needs a credential/);
        });
      }

      test("curl with a key, on from a cursor", async () => {
        const id = await service.run(PIPELINE);
        await service.admin.executions.wait(id);
        const all = await journal(id);
        const cursor = all[9]?.split(" ")[0];
        const child = spawn("curl", [
          "-sN",
          "-H",
          `Authorization: Bearer ${key}`,
          "-H",
          `Last-Event-ID: ${cursor}`,
          streamOf(id),
        ]);
        let text = "";
        child.stdout.on("data", (chunk) => {
          text += chunk;
        });
        await once(child, "close");
        assert.deepEqual(
          [...text.matchAll(/^event: (\w+)\ndata: .*\nid: (\d+)$/gm)]
            .map(([, type, at]) => `${at} ${type}`)
            .slice(0, -1),
          all.slice(10),
        );
      });

      describe("a page of another origin", { skip: skipWithoutChromium() }, () => {
        let page: Page;
        before(async () => {
          assert.ok(browser !== null);
          page = await browser.newPage();
          await page.goto(site.url);
        });

        test("asks with a key, its preflight answered, and reads what was refused", async () => {
          const id = await service.run(PIPELINE);
          await service.admin.executions.wait(id);
          const [cursor = ""] = ((await journal(id))[0] ?? "").split(" ");
          const asked = (given: string, path: string) =>
            page.evaluate(
              async ([to, credential, after]) => {
                const answer = await fetch(to, {
                  headers: {
                    authorization: `Bearer ${credential}`,
                    "last-event-id": after,
                    "millrace-project": "default",
                  },
                });
                await answer.body?.cancel();
                return [answer.status, answer.headers.get("www-authenticate") !== null];
              },
              [url + path, given, cursor] as const,
            );
          assert.deepEqual(await asked(key, `/api/v1/executions/${id}/events`), [200, false]);
          assert.deepEqual(await asked(`${key}0`, `/api/v1/executions/${id}`), [401, true]);
          assert.deepEqual(await asked(key, "/api/v1/keys"), [403, true]);
          assert.deepEqual(await asked(key, "/api/v1/executions/nobody"), [404, false]);
          await assert.rejects(
            page.evaluate((to) => fetch(to, { credentials: "include" }), `${url}/api/v1/executions`),
            "a page of another origin may not send the browser's cookies",
          );
        });

        test("watches with a ticket, and comes back by itself after its last event", async () => {
          const id = await service.run(PIPELINE);
          const ticket = await ticketFor(id, 600)();
          const told = await page.evaluate(
            (from) =>
              new Promise<string[]>((resolve) => {
                const seen: string[] = [];
                const source = new globalThis.EventSource(from);
                for (const type of ["initiated", "processing", "completed", "failed"])
                  source.addEventListener(type, (event) => {
                    // Every event of a stream is a message event.
                    seen.push(`${(event as unknown as { lastEventId: string }).lastEventId} ${type}`);
                  });
                source.addEventListener("error", () => {
                  if (source.readyState === 2) resolve(seen);
                });
              }),
            `${streamOf(id)}?timeout=1&ticket=${ticket}`,
          );
          assert.deepEqual(told, await journal(id));
        });

        test("is kept out where it is not named", async () => {
          await using other = await openSite();
          assert.ok(browser !== null);
          const stranger = await browser.newPage();
          await stranger.goto(other.url);
          const answer = await stranger.evaluate(
            ([to, credential]) =>
              fetch(to, { headers: { authorization: `Bearer ${credential}` } }).then(
                () => "read",
                () => "refused",
              ),
            [`${url}/api/v1/executions`, key] as const,
          );
          assert.equal(answer, "refused");
        });
      });
    });
  }
});

/** A site with one empty page: to a browser, of another origin than the service. */
function openSite(): Promise<LocalServer> {
  return LocalServer.start((_, response) => response.setHeader("content-type", "text/html").end("<p>a page</p>"));
}
