/** @fastify/sse: `reply.sse.send` to each open reply. */
import sse from "@fastify/sse";
import fastify from "fastify";

const app = fastify({ keepAliveTimeout: 3_600_000 });
const replies = new Set();
let id = 0;

await app.register(sse);
app.get("/sub", { sse: { kind: "only" } }, async (_request, reply) => {
  reply.sse.keepAlive();
  reply.sse.sendHeaders();
  reply.raw.flushHeaders();
  replies.add(reply);
  reply.sse.onClose(() => replies.delete(reply));
});
app.post("/pub", async (request, reply) => {
  id += 1;
  const message = { id: String(id), data: request.body };
  for (const each of replies) each.sse.send(message).catch(() => undefined);
  return reply.code(204).send();
});
console.log(await app.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 }));
