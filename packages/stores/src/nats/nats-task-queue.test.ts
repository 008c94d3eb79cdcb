import { NATS_URL, natsPrefix, withoutNats } from "../../../../test/support/nats.ts";
import { taskQueueConformance } from "../conformance/task-queue.ts";
import { openNatsBus } from "./nats-bus.ts";

taskQueueConformance(
  "JetStream",
  async (t, options) => {
    const prefix = natsPrefix(t);
    return async () => {
      const bus = await openNatsBus({ servers: NATS_URL, prefix, name: "a test" });
      t.after(() => bus.close());
      return { queue: await bus.openTaskQueue(options), vanish: () => bus.close() };
    };
  },
  await withoutNats(),
);
