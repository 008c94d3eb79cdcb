/** Gathers what is asked for within a turn of the loop into one call; each caller waits for that call. */
export function gather(call) {
  let waiting = [];
  let calling = null;
  return (item) => {
    waiting.push(item);
    calling ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        const items = waiting;
        waiting = [];
        calling = null;
        call(items).then(resolve, reject);
      });
    });
    return calling;
  };
}

/** Prints the result for the bench that started the program. */
export function rate(messages, startedAt) {
  console.log(JSON.stringify({ rate: (messages * 1_000) / (performance.now() - startedAt) }));
}
