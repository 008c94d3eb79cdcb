import { type Client, createClient } from "@millrace/client";
import { FrontDoor } from "./front-door.ts";
import { MILLRACE, MillraceProcess } from "./millrace-process.ts";
import { openSharedStack } from "./shared-stack.ts";

/** What a node of a fleet does: `serve` is the API and the streams, `work` the engine, `both` both. */
export type Role = "serve" | "work" | "both";

/** Nodes of one service, each a process, behind one address. */
export class Fleet {
  readonly nodes: MillraceProcess[] = [];
  readonly env: Readonly<Record<string, string>>;
  readonly #flags: readonly string[];
  readonly #free: () => Promise<void>;
  readonly #serving: MillraceProcess[] = [];
  #door: FrontDoor | null = null;

  private constructor(env: Readonly<Record<string, string>>, flags: readonly string[], free: () => Promise<void>) {
    this.env = env;
    this.#flags = flags;
    this.#free = free;
  }

  /**
   * Starts nodes of the given roles, one after the other. `env` names what they share where that is the test's own;
   * `flags` are for all of them.
   */
  static async start(
    roles: readonly Role[],
    options: {
      readonly env?: Readonly<Record<string, string>>;
      readonly flags?: readonly string[];
      /** What they are, if not this version. */
      readonly program?: string;
    } = {},
  ): Promise<Fleet> {
    const own = options.env === undefined ? await openSharedStack() : null;
    const fleet = new Fleet(options.env ?? own?.env ?? {}, options.flags ?? [], async () => {
      await own?.[Symbol.asyncDispose]();
    });
    try {
      for (const role of roles) await fleet.add(role, [], [], options.program);
      fleet.#door = await FrontDoor.open(() => fleet.#serving.map(({ url }) => Number(new URL(url).port)));
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** One address for all nodes that serve. */
  get url(): string {
    return this.#door?.url ?? "";
  }

  get client(): Client {
    return createClient({ baseUrl: this.url });
  }

  /** Starts one node more. */
  async add(
    role: Role,
    flags: readonly string[] = [],
    within: readonly string[] = [],
    program: string = MILLRACE,
  ): Promise<MillraceProcess> {
    const command = role === "work" ? ["work"] : role === "serve" ? ["serve", "--engine", "false"] : ["serve"];
    const all = [...command, "--log-level", "warn", "--lease-seconds", "2", ...this.#flags, ...flags];
    const node = new MillraceProcess(all, this.env, within);
    node.program = program;
    this.nodes.push(node);
    await node.start();
    if (role !== "work") this.#serving.push(node);
    return node;
  }

  /** Stores a pipeline and starts it, on any node or the given one; returns the execution's id. */
  async run(yaml: string, url: string = this.url): Promise<string> {
    const client = createClient({ baseUrl: url });
    const config = await client.configs.create({ config_yaml: yaml, name: "test" });
    return (await client.configs.run(config.id, {})).id;
  }

  /** What all of them have logged. */
  get stderr(): string {
    return this.nodes.map(({ stderr }, index) => (stderr === "" ? "" : `node ${index}:\n${stderr}`)).join("");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.end("SIGKILL")));
    await this.#door?.[Symbol.asyncDispose]();
    await this.#free();
  }
}
