import { busConformance } from "./bus.ts";
import { MemoryNetwork } from "./memory-bus.ts";
import { MemoryTaskQueue } from "./memory-task-queue.ts";
import { taskQueueConformance } from "./task-queue.ts";

busConformance("in memory", async () => {
  const network = new MemoryNetwork();
  return async () => network.connect();
});

taskQueueConformance("in memory", async (_t, options) => {
  const queue = new MemoryTaskQueue(options);
  return async () => ({ queue, vanish: async () => {} });
});
