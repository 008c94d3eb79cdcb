import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { JsonObject } from "@millrace/protocol";
import { LocalServer } from "./local-server.ts";

/** A request that a model's server was sent. */
export interface ModelRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: JsonObject;
}

/** Answers instead of the model; false: the model answers after all. */
export type Fault = (response: ServerResponse, request: ModelRequest, count: number) => boolean | Promise<boolean>;

/** A server that speaks the protocol of models, over a real socket, and fails as it is told. */
export class FakeModel {
  readonly requests: ModelRequest[] = [];
  /** Requests under way, and the most at once. */
  inFlight = 0;
  mostInFlight = 0;
  readonly #server: LocalServer;

  private constructor(server: LocalServer) {
    this.#server = server;
  }

  /** `answer`: what the model says to the messages of a completion. */
  static async start(
    options: {
      readonly fault?: Fault;
      readonly answer?: (body: JsonObject, count: number) => unknown;
      readonly dimensions?: number;
    } = {},
  ): Promise<FakeModel> {
    const { fault = () => false, answer = () => "Well.", dimensions = 8 } = options;
    const self: FakeModel = new FakeModel(
      await LocalServer.start(async (incoming, response) => {
        const body: JsonObject = JSON.parse(Buffer.concat(await Array.fromAsync(incoming)).toString());
        const request = { path: incoming.url ?? "", headers: incoming.headers, body };
        self.requests.push(request);
        self.inFlight += 1;
        self.mostInFlight = Math.max(self.mostInFlight, self.inFlight);
        response.once("close", () => {
          self.inFlight -= 1;
        });
        if (await fault(response, request, self.requests.length)) return;
        response.setHeader("content-type", "application/json");
        if (request.path.endsWith("/embeddings")) response.end(JSON.stringify(embeddings(body, dimensions)));
        else response.end(JSON.stringify(completion(answer(body, self.requests.length))));
      }),
    );
    return self;
  }

  /** What goes into `base_url`. */
  get url(): string {
    return `${this.#server.url}/v1`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

/** Answers a status with an error in the protocol's shape. */
export function answerError(
  response: ServerResponse,
  status: number,
  message: string,
  headers: Record<string, string> = {},
): true {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ error: { message, type: "error", code: null } }));
  return true;
}

/** The vector of a text: how often each of its words, by a number made of it. Texts that share words are near. */
export function vectorOf(text: string, dimensions: number): number[] {
  const vector = new Array<number>(dimensions).fill(0);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    let number = 7;
    for (const char of word) number = (number * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
    vector[number % dimensions] = (vector[number % dimensions] ?? 0) + 1;
  }
  return vector;
}

function embeddings({ input, dimensions }: JsonObject, own: number) {
  const texts = (Array.isArray(input) ? input : [input]).map(String);
  const data = texts.map((text, index) => ({
    object: "embedding",
    index,
    embedding: vectorOf(text, typeof dimensions === "number" ? dimensions : own),
  }));
  const tokens = texts.reduce((sum, text) => sum + text.split(/\s+/).length, 0);
  // In an order of its own, as the protocol allows.
  return { object: "list", data: data.toReversed(), usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

function completion(answer: unknown) {
  const whole = typeof answer === "object" && answer !== null && "choices" in answer;
  if (whole) return answer;
  return {
    object: "chat.completion",
    choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: answer } }],
    usage: { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 },
  };
}
