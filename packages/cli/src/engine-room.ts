/** What only the commands that run or check pipelines need, loaded when they do: the others start in half the time. */
export async function engineRoom() {
  const [adapters, engine, server] = await Promise.all([
    import("@millrace/adapters"),
    import("@millrace/engine"),
    import("@millrace/server"),
  ]);
  return { ...adapters, ...engine, ...server };
}

/** The adapters and the checks, without the service. */
export async function workshop() {
  const [adapters, engine] = await Promise.all([import("@millrace/adapters"), import("@millrace/engine")]);
  return { ...adapters, ...engine };
}
