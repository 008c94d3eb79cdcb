import { type NatsProbe, QUEUE_BYTES } from "@millrace/stores/probe";
import type { Check } from "./check.ts";
import { type Found, ok, problem, skipped, warning } from "./finding.ts";
import { bytesInWords } from "./words.ts";

/** What nodes tell each other is cut to what the server takes: below it, into many pieces. */
const SMALL_PAYLOAD = 256 * 1024;

/** Tasks that wait, beyond which nodes do not keep up. */
const BACKLOG = 10_000;

type Reached = Extract<NatsProbe, { kind: "reached" }>;

/** The broker that nodes talk through: reachable, with JetStream, with room, and its queue in order. */
export const brokerCheck: Check = {
  name: "nats",
  run({ nats }) {
    if (nats === null) return [];
    if (nats.kind === "unreachable") return [problem(nats.message)];
    return [...server(nats), ...jetStream(nats)];
  },
};

function server({ version, maxPayload }: Reached): Found[] {
  if (maxPayload >= SMALL_PAYLOAD) {
    return [ok(`NATS ${version} answers, and takes messages of ${bytesInWords(maxPayload)}.`)];
  }
  return [
    warning(
      `NATS ${version} takes messages of ${bytesInWords(maxPayload)} only: large groups of events go in many pieces.`,
      "Leave max_payload of the server at its default, 1 MiB.",
    ),
  ];
}

function jetStream({ jetStreamFault, freeBytes, queue }: Reached): Found[] {
  if (jetStreamFault !== null) {
    return [
      problem(
        `JetStream cannot be used: ${jetStreamFault}.`,
        "Start the server with it (nats-server -js, or a jetstream block in its configuration), and enable it for the account.",
      ),
    ];
  }
  if (queue === null) {
    if (freeBytes !== null && freeBytes < QUEUE_BYTES) {
      return [
        problem(
          `The account has ${bytesInWords(Math.max(0, freeBytes))} left in JetStream, and the work queue sets ${bytesInWords(QUEUE_BYTES)} aside.`,
          "Raise max_file of its limits.",
        ),
      ];
    }
    return [ok("JetStream is there; the first node makes the work queue.")];
  }
  const { stream, tasks, replicas, lagging, waiting } = queue;
  const found: Found[] = [];
  if (lagging > 0) {
    found.push(
      warning(
        `${lagging} of ${replicas} replicas of the work queue ${stream} are away, or behind.`,
        "Bring the servers of the cluster back.",
      ),
    );
  }
  if (waiting === null) {
    found.push(skipped(`The work queue ${stream} has no consumer; the next node makes it.`));
  } else if (waiting.pending > BACKLOG) {
    found.push(
      warning(
        `${waiting.pending} tasks wait in the work queue, and ${waiting.inWork} are worked on.`,
        "Start more nodes that run executions.",
      ),
    );
  } else {
    found.push(ok(`The work queue holds ${tasks} tasks, of which ${waiting.inWork} are worked on.`));
  }
  return found;
}
