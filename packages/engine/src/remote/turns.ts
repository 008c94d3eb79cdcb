/** Those who wait for a slot: each execution has a line of its own, and they are served in turns. */
export class Turns<T> {
  readonly #lines = new Map<string, T[]>();

  get isEmpty(): boolean {
    return this.#lines.size === 0;
  }

  add(executionId: string, item: T): void {
    const line = this.#lines.get(executionId);
    if (line === undefined) this.#lines.set(executionId, [item]);
    else line.push(item);
  }

  /** Takes out the first one, of the execution whose turn it is, that `may` be taken. */
  next(may: (item: T) => boolean): T | undefined {
    for (const [executionId, line] of this.#lines) {
      const at = line.findIndex(may);
      const item = line[at];
      if (item === undefined) continue;
      line.splice(at, 1);
      // Its next turn is after everybody else's.
      this.#lines.delete(executionId);
      if (line.length > 0) this.#lines.set(executionId, line);
      return item;
    }
    return undefined;
  }

  remove(executionId: string, item: T): void {
    const line = this.#lines.get(executionId);
    const at = line?.indexOf(item) ?? -1;
    if (line === undefined || at < 0) return;
    line.splice(at, 1);
    if (line.length === 0) this.#lines.delete(executionId);
  }

  /** Takes out all of an execution. */
  removeAll(executionId: string): readonly T[] {
    const line = this.#lines.get(executionId) ?? [];
    this.#lines.delete(executionId);
    return line;
  }
}
