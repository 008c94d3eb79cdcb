import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { httpValidationErrorSchema } from "@millrace/protocol";
import { WAITS } from "../support/pipelines.ts";
import { ServiceProcess } from "../support/service-process.ts";

const EVENTS_OF_A_RUN = `
version: "1.0"
routes:
  make: { adapters: [{ type: generate, config: { count: 100 } }], outbound: [constructor] }
  constructor: { inbound: { concurrency: 4 }, adapters: [{ type: delay, config: { seconds: 0.004 } }, { type: log }], outbound: [drop] }
  drop: { adapters: [{ type: fail, config: { message: 'not "this",\\"route\\":\\"make\\", é' } }] }
init_message: { route: make }
`;

interface Block {
  readonly text: string;
  readonly event: string;
  readonly id: string;
  readonly route: string;
}

/** The frames of a stream's text as they came; the `retry:` line is the stream's own. */
function blocksOf(text: string): Block[] {
  return text
    .replace(/^(?:retry: \d+|:)\n/gm, "")
    .split(/(?<=\n\n)/)
    .map((text) => {
      const [, event = "", data = "{}", id = ""] = /^event: (.*)\ndata: (.*)\nid: (\d+)\n\n$/.exec(text) ?? [];
      return { text, event, id, route: JSON.parse(data).route };
    });
}

function textOf(blocks: readonly Block[]): string {
  return blocks.map(({ text }) => text).join("");
}

const CHOICES: readonly { query: string; types?: readonly string[]; routes?: readonly string[] }[] = [
  { query: "types=completed", types: ["completed"] },
  { query: "types=completed,failed", types: ["completed", "failed"] },
  { query: "types=completed&types=failed", types: ["completed", "failed"] },
  { query: "types=failed,%20completed&types=failed", types: ["completed", "failed"] },
  { query: "route=constructor", routes: ["constructor"] },
  { query: "route=make,drop", routes: ["make", "drop"] },
  { query: "route=make&route=drop", routes: ["make", "drop"] },
  { query: "types=initiated&route=constructor", types: ["initiated"], routes: ["constructor"] },
  { query: "types=failed&route=make", types: ["failed"], routes: ["make"] },
  { query: "types=&route=" },
];

function choose(blocks: readonly Block[], { types, routes }: (typeof CHOICES)[number]): Block[] {
  return blocks.filter(
    ({ event, route }) =>
      event === "end" || ((types?.includes(event) ?? true) && (routes === undefined || routes.includes(route))),
  );
}

describe("a stream of chosen events", () => {
  let service: ServiceProcess;
  before(async () => {
    service = await ServiceProcess.start();
  });
  after(() => service[Symbol.asyncDispose]());
  const read = async (path: string, cursor?: string) => {
    const response = await fetch(`${service.url}/api/v1${path}`, {
      headers: cursor === undefined ? {} : { "last-event-id": cursor },
    });
    return { status: response.status, text: await response.text() };
  };

  for (const many of [false, true]) {
    const kind = many ? "over several executions" : "of one execution";

    test(`${kind} has the same bytes as choosing from the whole, live, late, and resumed anywhere`, async () => {
      const ids = [await service.run(EVENTS_OF_A_RUN), ...(many ? [await service.run(EVENTS_OF_A_RUN)] : [])];
      const path = many ? `/events?execution_id=${ids.join("&execution_id=")}` : `/executions/${ids[0]}/events?`;
      const live = await Promise.all(CHOICES.map(({ query }) => read(`${path}&${query}`)));
      const whole = blocksOf((await read(path)).text);
      assert.equal(whole.filter(({ event }) => event === "completed").length, ids.length * 101);
      const lastEvent = whole.filter(({ event }) => event !== "end").at(-1)?.id;
      for (const [index, choice] of CHOICES.entries()) {
        const expected = choose(whole, choice);
        assert.equal(live[index]?.status, 200);
        assert.equal(textOf(blocksOf(live[index]?.text ?? "")), textOf(expected), `live: ${choice.query}`);
        assert.equal(textOf(blocksOf((await read(`${path}&${choice.query}`)).text)), textOf(expected), choice.query);
        // Whichever event the cursor is of: one that was chosen, or one that was not.
        for (const at of [0, 5, 77, whole.length - 6]) {
          const cursor = whole[at]?.id ?? "";
          const rest = await read(`${path}&${choice.query}`, cursor);
          const after = whole.slice(at + 1).filter(({ event, id }) => event === "end" || Number(id) > Number(cursor));
          assert.equal(textOf(blocksOf(rest.text)), textOf(choose(after, choice)), `${choice.query} after ${cursor}`);
        }
        // The end has the id of the last event of all, and with it there is nothing more to come.
        const end = blocksOf(live[index]?.text ?? "").at(-1);
        assert.equal(end?.event, "end");
        assert.equal(end?.id, lastEvent);
        assert.equal((await read(`${path}&${choice.query}`, end?.id)).status, 204);
      }
    });

    test(`${kind} ends by its time-out with the id of the last event, chosen or not`, async () => {
      const id = await service.run(WAITS);
      const path = many ? `/events?execution_id=${id}&` : `/executions/${id}/events?`;
      const whole = blocksOf((await read(`${path}timeout=1`)).text);
      const none = blocksOf((await read(`${path}timeout=1&types=failed`)).text);
      assert.deepEqual(
        none.map(({ event, id }) => [event, id]),
        [["end", whole.at(-2)?.id]],
      );
    });

    test(`${kind} is refused where the choice does not fit, with all that is wrong`, async () => {
      const id = await service.run(WAITS);
      const path = many ? `/events?execution_id=${id}&` : `/executions/${id}/events?`;
      const errors = async (query: string, cursor?: string) => {
        const { status, text } = await read(`${path}${query}`, cursor);
        assert.equal(status, 422, query);
        return httpValidationErrorSchema
          .parse(JSON.parse(text))
          .detail.map(({ loc, type, ctx }) => ({ loc, type, ...(ctx === undefined ? {} : { ctx }) }));
      };
      const unknownType = {
        loc: ["query", "types"],
        type: "enum",
        ctx: { expected: "'initiated', 'processing', 'completed' or 'failed'" },
      };
      for (const query of [
        "types=end",
        "types=completed,nonsense",
        "types=completed&types=Failed",
        "types=constructor",
      ]) {
        assert.deepEqual(await errors(query), [unknownType], query);
      }
      assert.deepEqual(await errors("route=constructor"), [
        {
          loc: ["query", "route"],
          type: "value_error",
          ctx: { error: 'there is no route "constructor"; there is wait' },
        },
      ]);
      const routes = await errors("route=wait,one&route=two");
      assert.deepEqual(
        routes.map(({ loc, type }) => [...loc, type]),
        [
          ["query", "route", "value_error"],
          ["query", "route", "value_error"],
        ],
      );
      const view = await errors("view=progress&types=failed&route=wait");
      assert.deepEqual(
        view.map(({ loc, type }) => [...loc, type]),
        [
          ["query", "types", "value_error"],
          ["query", "route", "value_error"],
        ],
      );
      assert.deepEqual(await errors("view=everything"), [
        { loc: ["query", "view"], type: "enum", ctx: { expected: "'events' or 'progress'" } },
      ]);
      const all = await errors("types=nonsense&timeout=0&view=x", "junk");
      assert.deepEqual(
        all.map(({ loc }) => loc),
        [
          ["query", "timeout"],
          ["query", "types"],
          ["query", "view"],
          ["header", "Last-Event-ID"],
        ],
      );
      const known = await errors("route=nonsense", "999999999");
      assert.deepEqual(
        known.map(({ loc }) => loc),
        [
          ["header", "Last-Event-ID"],
          ["query", "route"],
        ],
      );
    });
  }
});
