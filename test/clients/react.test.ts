import { readFileSync } from "node:fs";
import { createRequire, stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ROOT } from "../docs/pages.ts";
import { launchChromium, skipWithoutChromium } from "../support/chromium.ts";
import { ServiceProcess } from "../support/service-process.ts";

const PIPELINE = `
version: "1.0"
name: watched
routes:
  make: { adapters: [{ type: generate, config: { count: 60 } }], outbound: [work] }
  work: { adapters: [{ type: delay, config: { seconds: 0.1 } }] }
init_message: { route: make }
`;

let service: ServiceProcess;
before(async () => {
  service = await ServiceProcess.start();
});
after(() => service[Symbol.asyncDispose]());

test("the guide's React hook shows a run to its end, over a restart of the service, and a run that is not there", {
  skip: skipWithoutChromium(),
}, async () => {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    // A page of the service's own origin that does nothing by itself.
    await page.goto(`${service.url}/health/live`);
    await page.evaluate(script());
    const show = (id: string) =>
      page.evaluate(([url, of]) => Reflect.get(globalThis, "show")(url, of), [service.url, id]);
    const shows = (text: RegExp) => page.locator("p", { hasText: text }).waitFor();
    await show(await service.run(PIPELINE));
    await shows(/live running [1-9]/);
    await service.end();
    await shows(/reconnecting/);
    await service.start();
    await shows(/over completed 61$/);

    await show("nobody");
    await shows(/refused$/);
  } finally {
    await browser.close();
  }
});

/** React, the hook, and a component that shows what it gets, for a page that has no bundler. */
function script(): string {
  const require = createRequire(import.meta.url);
  const moduleOf = (name: string, file: string) =>
    `define(${JSON.stringify(name)}, (module, exports, require) => { ${readFileSync(file, "utf8")}\n});`;
  const of = (name: string, path: string) => moduleOf(name, join(require.resolve(`${name}/package.json`), "..", path));
  const hook = stripTypeScriptTypes(readFileSync(join(ROOT, "examples", "react", "use-progress.ts"), "utf8"))
    .replace(/^import (\{.*\}) from "react";$/m, 'const $1 = require("react");')
    .replace("export function", "exports.useProgress = useProgress;\nfunction");
  return `
    var process = { env: { NODE_ENV: "production" } };
    const made = {}, definitions = {};
    const define = (name, make) => { definitions[name] = make; };
    const load = (name) => {
      if (made[name] === undefined) {
        made[name] = { exports: {} };
        definitions[name](made[name], made[name].exports, load);
      }
      return made[name].exports;
    };
    ${of("react", "cjs/react.production.js")}
    ${of("scheduler", "cjs/scheduler.production.js")}
    ${of("react-dom", "cjs/react-dom.production.js")}
    define("react-dom/client", (module, exports, require) => { ${readFileSync(join(require.resolve("react-dom/package.json"), "..", "cjs/react-dom-client.production.js"), "utf8")} });
    define("hook", (module, exports, require) => { ${hook} });
    const { createElement } = load("react"), { useProgress } = load("hook");
    const root = load("react-dom/client").createRoot(document.body);
    function Run({ service, id }) {
      const { progress, connection } = useProgress(service, id);
      const state = progress === null ? "" : \` \${progress.status} \${progress.completed}\`;
      return createElement("p", null, " " + connection + state);
    }
    globalThis.show = (service, id) => root.render(createElement(Run, { service, id }));
  `;
}
