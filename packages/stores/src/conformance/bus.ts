import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Bus } from "@millrace/engine";
import { MillraceError } from "@millrace/protocol";
import { eventually } from "../../../../test/support/eventually.ts";

/** A network of its own for a test, whose nodes hear each other and nobody else. Each call is another node. */
export type BusFactory = (t: TestContext) => Promise<() => Promise<Bus>>;

/** Far longer than any answer takes that comes at once. */
const LONG_MS = 600_000;

/** What every `Bus` promises. Registers its tests under the name of the implementation; `skip`: why they are skipped. */
export function busConformance(name: string, open: BusFactory, skip: string | false = false): void {
  const suite = (title: string, run: (connect: () => Promise<Bus>) => Promise<void>) =>
    test(`${name}: ${title}`, { skip }, async (t) => {
      const connect = await open(t);
      const nodes: Bus[] = [];
      try {
        await run(async () => {
          const node = await connect();
          nodes.push(node);
          return node;
        });
      } finally {
        await Promise.all(nodes.map((node) => node.close()));
      }
    });

  suite("what one node says is heard by all that listen, itself included, in the order in which it was said", async (connect) => {
    const [one, two] = [await connect(), await connect()];
    const heard = new Map<string, number[]>();
    const listen = (node: Bus, who: string) => {
      heard.set(who, []);
      node.subscribe("news", (data) => heard.get(who)?.push(Buffer.from(data).readUInt32LE()));
    };
    listen(one, "itself");
    listen(two, "another");
    listen(two, "another, twice");
    await untilHeard(one, two);
    await untilHeard(one, one);
    const said = Array.from({ length: 500 }, (_, index) => index);
    for (const number of said) one.publish("news", numbered(number));
    await eventually(() => {
      for (const numbers of heard.values()) assert.deepEqual(numbers, said);
    });
  });

  suite("who has stopped listening, or listens to something else, hears nothing", async (connect) => {
    const [one, two] = [await connect(), await connect()];
    let heard = 0;
    const stop = two.subscribe("news", () => {
      heard += 1;
    });
    two.subscribe("other", () => {
      heard += 1;
    });
    await untilHeard(one, two);
    stop();
    await untilHeard(two, one);
    await untilHeard(one, two);
    one.publish("news", numbered(1));
    await untilHeard(one, two);
    assert.equal(heard, 0);
  });

  suite("a message as large as may be gets through; a larger one is refused", async (connect) => {
    const [one, two] = [await connect(), await connect()];
    const sizes: number[] = [];
    two.subscribe("large", (data) => sizes.push(data.length));
    await untilHeard(one, two);
    one.publish("large", Buffer.alloc(one.maxBytes));
    await eventually(() => assert.deepEqual(sizes, [one.maxBytes]));
    assert.throws(
      () => one.publish("large", Buffer.alloc(one.maxBytes + 1)),
      (error) => error instanceof MillraceError && error.message.includes(String(one.maxBytes)),
    );
  });

  suite("a request is answered by the node that answers for its subject, byte by byte, be it another or itself", async (connect) => {
    const [one, two] = [await connect(), await connect()];
    two.answer("reverse", async (data) => Buffer.from(data).reverse());
    await answers(one, "reverse");
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    assert.deepEqual(Buffer.from(await one.request("reverse", everyByte, LONG_MS)), Buffer.from(everyByte).reverse());
    assert.deepEqual(Buffer.from(await two.request("reverse", Buffer.from("ab"), LONG_MS)).toString(), "ba");
    assert.equal((await one.request("reverse", Buffer.alloc(0), LONG_MS)).length, 0);
  });

  suite("of many requests at once each gets its own answer, in whatever order they are answered", async (connect) => {
    const [one, two] = [await connect(), await connect()];
    const held: (() => void)[] = [];
    two.answer("number", async (data) => {
      await new Promise<void>((resolve) => held.push(resolve));
      return numbered(Buffer.from(data).readUInt32LE() * 2);
    });
    await untilHeard(one, two);
    const asked = Array.from({ length: 200 }, (_, index) => one.request("number", numbered(index), LONG_MS));
    await eventually(() => assert.equal(held.length, 200));
    for (const release of held.reverse()) release();
    const answered = (await Promise.all(asked)).map((data) => Buffer.from(data).readUInt32LE());
    assert.deepEqual(
      answered,
      asked.map((_, index) => index * 2),
    );
  });

  suite("requests and answers of many megabytes get through, several at once, with small ones in between", async (connect) => {
    const [one, two] = [await connect(), await connect()];
    two.answer("echo", async (data) => data);
    await answers(one, "echo");
    const bodies = [16 * 1024 * 1024, 3, 9_000_001, 1024 * 1024, 5].map((size, index) => pattern(size, index));
    const echoed = await Promise.all(bodies.map((body) => one.request("echo", body, LONG_MS)));
    for (const [index, body] of bodies.entries())
      assert.ok(body.equals(echoed[index] ?? Buffer.alloc(0)), `body ${index}`);
  });

  suite("what the other side throws arrives by its code, with what it says and its details", async (connect) => {
    const [one, two] = [await connect(), await connect()];
    const details = { limit: 3, of: ["a"] };
    two.answer("refuse", async () => {
      throw new MillraceError("EXECUTION_MOVED", "It is elsewhere by now.", { details });
    });
    two.answer("break", async () => {
      throw new TypeError("x is not a function");
    });
    await untilHeard(one, two);
    await assert.rejects(one.request("refuse", Buffer.alloc(0), LONG_MS), {
      name: "MillraceError",
      code: "EXECUTION_MOVED",
      message: "It is elsewhere by now.",
      details,
    });
    await assert.rejects(one.request("break", Buffer.alloc(0), LONG_MS), {
      code: "INTERNAL",
      message: "x is not a function",
    });
  });

  suite("a request that nobody answers for is refused at once, also where one has stopped to", async (connect) => {
    const [one, two] = [await connect(), await connect()];
    await assert.rejects(one.request("nobody", Buffer.from("x"), LONG_MS), { code: "NODE_UNREACHABLE" });
    const stop = two.answer("gone", async (data) => data);
    await answers(one, "gone");
    stop();
    await untilHeard(two, one);
    await assert.rejects(one.request("gone", Buffer.from("x"), LONG_MS), { code: "NODE_UNREACHABLE" });
  });

  suite("a request that is not answered in time is given up", async (connect) => {
    const [one, two] = [await connect(), await connect()];
    two.answer("slow", () => new Promise(() => {}));
    await untilHeard(one, two);
    await assert.rejects(one.request("slow", Buffer.from("x"), 50), { code: "NODE_UNREACHABLE" });
  });

  suite("a node that is closed gives up its requests, and answers no more", async (connect) => {
    const [one, two] = [await connect(), await connect()];
    one.answer("mine", async (data) => data);
    let asked = false;
    two.answer("never", () => {
      asked = true;
      return new Promise(() => {});
    });
    await answers(two, "mine");
    const pending = one.request("never", Buffer.from("x"), LONG_MS);
    pending.catch(() => undefined);
    await eventually(() => assert.ok(asked));
    await one.close();
    assert.equal(one.connected, false);
    await assert.rejects(pending, { code: "NODE_UNREACHABLE" });
    await assert.rejects(one.request("never", Buffer.from("x"), LONG_MS), { code: "NODE_UNREACHABLE" });
    one.publish("news", numbered(1));
    await assert.rejects(two.request("mine", Buffer.from("x"), LONG_MS), { code: "NODE_UNREACHABLE" });
  });

  suite("who asked a node that is closed before it has answered is told so", async (connect) => {
    const [one, two] = [await connect(), await connect()];
    let asked = false;
    one.answer("never", () => {
      asked = true;
      return new Promise(() => {});
    });
    const pending = two.request("never", Buffer.from("x"), LONG_MS);
    pending.catch(() => undefined);
    await eventually(() => assert.ok(asked));
    await one.close();
    await assert.rejects(pending, { code: "NODE_UNREACHABLE" });
  });
}

let probes = 0;

/** Resolves when what `to` has asked to hear by now reaches it from `from`. */
async function untilHeard(from: Bus, to: Bus): Promise<void> {
  probes += 1;
  const subject = `probe.${probes}`;
  let heard = false;
  const stop = to.subscribe(subject, () => {
    heard = true;
  });
  await eventually(() => {
    from.publish(subject, Buffer.from("x"));
    assert.ok(heard);
  });
  stop();
}

/** Resolves when somebody answers for a subject. */
async function answers(node: Bus, subject: string): Promise<void> {
  await eventually(() => node.request(subject, Buffer.from("x"), LONG_MS));
}

function numbered(value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeUInt32LE(value);
  return data;
}

/** Bytes that show what is missing, and what is out of place. */
function pattern(size: number, seed: number): Buffer {
  const body = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) body.writeUInt32LE((at + seed * 7_919) >>> 0, at);
  return body;
}
