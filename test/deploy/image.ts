import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, matchesGlob } from "node:path";
import { DockerfileParser } from "dockerfile-ast";
import { ROOT } from "../docs/pages.ts";
import { read } from "./files.ts";

/** What an image says of how it is run. */
export interface ImageConfig {
  workdir: string;
  user: string;
  readonly env: Record<string, string>;
  entrypoint: string[];
  cmd: string[];
  healthcheck: string[];
}

/** The system's folders that stand in for the base image; Node.js is the one that package.json pins. */
const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/dev", "/proc"];

const NODE = "/opt/node/bin";

/**
 * The steps of deploy/Dockerfile, done one after the other, each stage in a root folder of its own with this machine's
 * programs: what an engine would do, but for the layers and the base image. Needs root.
 */
export class BuiltImage {
  readonly #folder = mkdtempSync(join(tmpdir(), "millrace-image-"));
  readonly config: ImageConfig = { workdir: "/", user: "0:0", env: {}, entrypoint: [], cmd: [], healthcheck: [] };
  readonly bases: string[] = [];
  #root = "";

  build(): void {
    const stages = new Map<string, string>();
    for (const instruction of DockerfileParser.parse(read("Dockerfile")).getInstructions()) {
      const keyword = instruction.getInstruction();
      // With its flags, and its lines joined.
      const text = instruction
        .getTextContent()
        .slice(keyword.length)
        .replace(/\\\n(?:\s*#.*\n)*/g, "")
        .trim();
      this.#step(keyword, text, stages);
    }
  }

  /** Whether the path is in the image. */
  has(path: string): boolean {
    return existsSync(join(this.#root, path));
  }

  /** Bytes under a path of the image. */
  sizeOf(path: string): number {
    return Number(execFileSync("du", ["-sb", join(this.#root, path)], { encoding: "utf8" }).split("\t")[0]);
  }

  /** Starts a command as a container would, with the image's user and environment; it can write to volumes and `/tmp` alone. */
  start(command: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const { user, workdir } = this.config;
    const all = Object.entries({ ...this.config.env, ...env }).map(([name, value]) => `${name}=${value}`);
    return this.#enter([
      "chroot",
      `--userspec=${user}`,
      ".",
      "env",
      "-i",
      "-C",
      workdir,
      `PATH=${NODE}:/usr/bin:/bin`,
      ...all,
      ...command,
    ]);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #step(name: string, text: string, stages: Map<string, string>): void {
    const { config } = this;
    switch (name) {
      case "FROM": {
        const [base = "", , alias = "last"] = text.split(/\s+/);
        this.bases.push(base);
        this.#root = join(this.#folder, alias);
        stages.set(alias, this.#root);
        for (const folder of [...SYSTEM, "/tmp", "/root", NODE])
          mkdirSync(join(this.#root, folder), { recursive: true });
        cpSync(join(ROOT, "node_modules", "node", "bin", "node"), join(this.#root, NODE, "node"));
        return;
      }
      case "WORKDIR":
        config.workdir = text;
        mkdirSync(join(this.#root, text), { recursive: true });
        return;
      case "COPY":
        this.#copy(text, stages);
        return;
      case "RUN":
        this.#run(text);
        return;
      case "ENV":
        for (const [, variable = "", value = ""] of text.matchAll(/(\w+)=(\S+)/g)) config.env[variable] = value;
        return;
      case "USER":
        config.user = text;
        return;
      case "ENTRYPOINT":
        config.entrypoint = JSON.parse(text);
        return;
      case "CMD":
        config.cmd = JSON.parse(text);
        return;
      case "HEALTHCHECK":
        config.healthcheck = JSON.parse(text.slice(text.indexOf("[")));
        return;
      default:
        // They say something about the image, and do nothing.
        assert.ok(["LABEL", "VOLUME", "EXPOSE", "STOPSIGNAL"].includes(name), `${name} is not known here`);
    }
  }

  #copy(text: string, stages: Map<string, string>): void {
    const [, stage, from = "", to = ""] = /^(?:--from=(\S+) )?(\S+) (\S+)$/.exec(text) ?? assert.fail(text);
    if (stage !== undefined) {
      execFileSync("cp", ["-a", "--no-target-directory", join(stages.get(stage) ?? "", from), join(this.#root, to)]);
      return;
    }
    assert.deepEqual([from, to], [".", "."]);
    for (const file of context()) {
      const target = join(this.#root, this.config.workdir, file);
      mkdirSync(dirname(target), { recursive: true });
      cpSync(join(ROOT, file), target);
    }
  }

  #run(command: string): void {
    // As npm is set up on this machine, with the packages that it has already.
    const npm = (name: string) => execFileSync("npm", ["config", "get", name], { encoding: "utf8" }).trim();
    const [cache, certificates] = [npm("cache"), npm("cafile")];
    const shared = [cache, ...(existsSync(certificates) ? [dirname(certificates)] : [])];
    for (const folder of shared) mkdirSync(join(this.#root, folder), { recursive: true });
    const settings = { npm_config_cache: cache, npm_config_registry: npm("registry"), npm_config_cafile: certificates };
    const env = Object.entries({ ...settings, HOME: "/root" })
      .filter(([, value]) => value !== "null")
      .map(([name, value]) => `${name}=${value}`);
    const [program = "", ...args] = entering(
      this.#root,
      [
        "chroot",
        ".",
        "env",
        "-i",
        "-C",
        this.config.workdir,
        `PATH=${NODE}:/usr/local/bin:/usr/bin:/bin`,
        ...env,
        "sh",
        "-euc",
        command,
      ],
      shared,
    );
    execFileSync(program, args, { cwd: this.#root, stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 26 });
  }

  #enter(command: readonly string[]): ChildProcess {
    const [program = "", ...args] = entering(this.#root, command);
    return spawn(program, args, { cwd: this.#root, stdio: ["ignore", "pipe", "pipe"] });
  }
}

/** A command that runs where the system's folders are mounted into the root, for it alone. */
function entering(root: string, command: readonly string[], shared: readonly string[] = []): string[] {
  const mounts = [...SYSTEM, ...shared]
    .filter((folder) => existsSync(folder))
    .map((folder) => `mount --rbind ${folder} ${root}${folder}`);
  const script = `${mounts.join(" && ")} && cd ${root} && exec "$@"`;
  return ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, basename(root), ...command];
}

/** The files that .dockerignore lets through, of those that a clean clone has. */
function context(): string[] {
  const rules = readFileSync(join(ROOT, ".dockerignore"), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ taken: line.startsWith("!"), pattern: line.replace("!", "") }));
  const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return files
    .split("\0")
    .filter((file) => file !== "" && existsSync(join(ROOT, file)))
    .filter((file) =>
      rules.reduce(
        (taken, rule) =>
          matchesGlob(file, rule.pattern) || matchesGlob(file, `${rule.pattern}/**`) ? rule.taken : taken,
        true,
      ),
    );
}
