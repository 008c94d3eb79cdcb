import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../support/random.ts";
import { checkAnswer } from "./check-answer.ts";
import { ContractDocument, type Operation } from "./contract-document.ts";
import { Generator } from "./generate.ts";
import { hostileText } from "./hostile.ts";
import { Known } from "./known.ts";
import { asCurl, headerText, type MadeRequest, makeRequest } from "./make-request.ts";
import { Seeding, type Target } from "./seeding.ts";
import { type Answer, connections, send } from "./send.ts";

/** Flags of a service that is to be asked so: it calls back, and a key that sends all there is is not held to its share. */
export const FUZZED: readonly string[] = [
  ...["--http-allow-hosts", "127.0.0.1,[::1]"],
  ...["--limit-requests-per-second", "0", "--limit-run-starts-per-minute", "0"],
];

/** How a campaign is run. */
export interface CampaignOptions extends Target {
  readonly requests: number;
  readonly seed: number;
  /** Requests at once. */
  readonly at: number;
  /** Ends it before its time: what it has found until then is told. */
  readonly signal?: AbortSignal;
}

/** A request whose answer was not as promised. */
export interface Finding {
  readonly nth: number;
  readonly operation: string;
  readonly what: string;
  readonly curl: string;
}

/** What a campaign has found. */
export interface CampaignReport {
  readonly requests: number;
  /** By operation, then status; 0 is a client that left before there was an answer. */
  readonly statuses: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** Documented successes that no request has reached. */
  readonly unreached: readonly string[];
  readonly findings: readonly Finding[];
}

/** So many findings are kept of each operation. */
const KEPT_FINDINGS = 5;

/** What is there is made anew behind so many requests. */
const REFILL_AFTER = 600;

/** Nobody waits longer for an answer, in milliseconds, but on a machine that is busy with other things. */
const PATIENCE_MS = 60_000;

/** Asks a service as its own document says, and as nobody should; and holds each answer against the document. */
export async function campaign(options: CampaignOptions, tell: (line: string) => void): Promise<CampaignReport> {
  const agent = connections();
  const folder = mkdtempSync(join(tmpdir(), "millrace-fuzz-"));
  const answer = await fetch(`${options.url}/openapi.json`, { headers: options.headers });
  const document = ContractDocument.parse(await answer.json());
  const known = new Known();
  const statuses = new Map<string, Map<number, number>>();
  const findings: Finding[] = [];
  let next = 0;
  // Clients send a request again when they have not heard the answer.
  const succeeded = new Map<string, MadeRequest>();
  const count = ({ id }: Operation, status: number) => {
    const of = statuses.get(id) ?? new Map<number, number>();
    statuses.set(id, of.set(status, (of.get(status) ?? 0) + 1));
  };
  const find = (nth: number, made: MadeRequest, error: unknown) => {
    const what = error instanceof Error ? error.message : String(error);
    const operation = `${made.operation.method} ${made.operation.path}`;
    if (findings.filter((each) => each.operation === operation).length >= KEPT_FINDINGS) return;
    const finding = { nth, operation, what: what.slice(0, 1500), curl: asCurl(options.url, made).slice(0, 4000) };
    findings.push(finding);
    tell(`request ${nth}: ${operation}: ${finding.what}\n  ${finding.curl}`);
  };
  const ask = async (nth: number): Promise<void> => {
    // Each request has a seed of its own: what it is depends on no other's, but for what is known by then.
    const random = new Random(options.seed * 1_000_003 + nth);
    const generator = new Generator(document, known, random);
    const operation = generator.pick(document.operations);
    const before = random.chance(isCall(operation) ? 0.3 : 0.05) ? succeeded.get(operation.id) : undefined;
    const made = before ?? withPair(makeRequest(operation, generator, known), generator, known);
    const streams = operation.answers.get(200)?.bodies.has("text/event-stream") ?? false;
    try {
      const answered = await send(options.url, made, {
        agent,
        headers: credentialOf(options.headers, known, random),
        leaveAfter: streams && random.chance(0.6) ? random.between(1, 3000) : null,
        patience:
          made.target.includes("/wait") || streams ? random.between(20, random.chance(0.1) ? 2500 : 500) : PATIENCE_MS,
      });
      if (answered.status === 0 && !streams && !made.target.includes("/wait"))
        throw new Error(`no answer in ${PATIENCE_MS} ms`);
      if (made.method === operation.method) count(operation, answered.status);
      forgetGone(known, made, answered.status);
      learn(known, made, answered);
      if (answered.status >= 200 && answered.status < 300) succeeded.set(operation.id, made);
    } catch (error) {
      find(nth, made, error);
    }
  };
  try {
    await using seeding = await Seeding.start(options, known, folder);
    let refilling: Promise<void> = Promise.resolve();
    await Promise.all(
      Array.from({ length: options.at }, async () => {
        while (next < options.requests && !options.signal?.aborted) {
          next += 1;
          if (next % REFILL_AFTER === 0) {
            await refilling;
            refilling = seeding
              .refill()
              .catch((error: unknown) => tell(`what is asked about cannot be made: ${error}`));
          }
          if (next % 10_000 === 0) tell(`${next} requests, ${findings.length} findings`);
          await ask(next);
        }
      }),
    );
    await refilling;
  } finally {
    agent.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
  return { requests: next, statuses, unreached: unreachedOf(document, statuses), findings };
}

function learn(known: Known, made: MadeRequest, answer: Answer): void {
  const checked = checkAnswer(made, answer);
  if (answer.status >= 300) return;
  known.harvest(checked.json, ownerOf(made.operation));
  for (const id of checked.ids.slice(-2)) known.add("cursor", id);
  const last = checked.ids.at(-1);
  if (last !== undefined && !answer.left) known.add(`read ${made.operation.id}`, [made.target, last]);
}

/** What an `id` at the top of an operation's answer is of. */
function ownerOf({ path }: Operation): string {
  if (path.includes("/deliveries") || path.endsWith("/test")) return "delivery_id";
  if (path.endsWith("/fire") || path.endsWith("/{secret}") || path.endsWith("/firings")) return "firing_id";
  if (path.endsWith("/run") || path.startsWith("/api/v1/executions")) return "execution_id";
  if (path.startsWith("/api/v1/configs")) return "config_id";
  if (path.startsWith("/api/v1/triggers")) return "trigger_id";
  if (path.startsWith("/api/v1/webhooks")) return "webhook_id";
  if (path.startsWith("/api/v1/keys")) return "key_id";
  return path.startsWith("/api/v1/collections") ? "collection_name" : "";
}

/** The URL whose secret is its credential. */
function isCall({ path }: Operation): boolean {
  return path.endsWith("/{secret}");
}

/** Where requests go by a key, some go by another one, which may do less or is no more, some by none, and some by junk. */
function credentialOf(headers: Target["headers"], known: Known, random: Random): Target["headers"] {
  const { Authorization, ...others } = headers;
  if (Authorization === undefined || random.chance(0.85)) return headers;
  const key = random.chance(0.7) ? known.pick(random, "api_key") : undefined;
  if (typeof key === "string") return { ...others, Authorization: `Bearer ${key}` };
  if (random.chance(0.5)) return others;
  return { ...others, Authorization: headerText(`${random.chance(0.5) ? "Bearer " : ""}${hostileText(random)}`) };
}

/** What belongs together: a trigger and its secret, a webhook and its delivery, a stream and its cursor. */
function withPair(made: MadeRequest, generator: Generator, known: Known): MadeRequest {
  const { path } = made.operation;
  const pick = (kind: string) => (generator.random.chance(0.7) ? known.pick(generator.random, kind) : undefined);
  const call = isCall(made.operation) ? pick("call") : undefined;
  if (typeof call === "string") {
    const headers = { ...made.headers, "Idempotency-Key": `call-${generator.random.between(0, 500)}` };
    return { ...made, target: `/api/v1/triggers/${call}`, headers };
  }
  const read = generator.random.chance(0.3) ? known.pick(generator.random, `read ${made.operation.id}`) : undefined;
  // A stream that was read to its end, once more from there.
  if (Array.isArray(read)) return { ...made, target: String(read[0]), headers: { "Last-Event-ID": String(read[1]) } };
  const delivery = path.includes("{delivery_id}") ? pick("delivery") : undefined;
  if (typeof delivery !== "string") return made;
  return { ...made, target: `/api/v1/webhooks/${delivery}${path.endsWith("/redeliver") ? "/redeliver" : ""}` };
}

/** Takes note of what is gone: it is the last of a path's ids, where that has one alone. */
function forgetGone(known: Known, { target, method }: MadeRequest, status: number): void {
  if (status !== 404 && !(method === "DELETE" && status === 204)) return;
  const [, , , kind, ...rest] = (target.split("?", 1)[0] ?? "").split("/");
  if (kind === "lineage" || rest.length === 0 || (status === 404 && /\/deliveries\/|\/triggers\/[^/]+\/./.test(target)))
    return;
  const text =
    kind === "storage"
      ? rest
          .slice(1)
          .join("/")
          .replace(/\/metadata$/, "")
      : (rest[0] ?? "");
  try {
    known.forget(decodeURIComponent(text));
  } catch {
    // No id at all.
  }
}

function unreachedOf(document: ContractDocument, statuses: CampaignReport["statuses"]): string[] {
  return document.operations.flatMap(({ id, method, path, answers }) =>
    [...answers.keys()]
      .filter((status) => status < 300 && !statuses.get(id)?.has(status))
      .map((status) => `${method} ${path} ${status}`),
  );
}
