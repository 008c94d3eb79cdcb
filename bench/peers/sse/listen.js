/** Listens on a free port, prints where, and keeps a publisher's quiet connection open. */
export function listen(server) {
  server.keepAliveTimeout = 3_600_000;
  server.requestTimeout = 0;
  server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 }, () => {
    console.log(`http://127.0.0.1:${server.address().port}`);
  });
}

/** The body of a request, as text. */
export async function textOf(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}
