type Write = (text: string) => void;

/**
 * Holds a terminal in another state than the shell left it in (no cursor, another screen), and puts it back however the
 * process ends, short of SIGKILL: also while it is suspended.
 */
export class TerminalHold {
  readonly #write: Write;
  readonly #take: string;
  readonly #giveBack: string;
  readonly #release: (() => void)[] = [];
  #held = false;

  /** `take` and `giveBack` are escape sequences; `resumed` is told when the terminal is held again. */
  constructor(write: Write, take: string, giveBack: string, resumed: () => void) {
    this.#write = write;
    this.#take = take;
    this.#giveBack = giveBack;
    this.#on(process, "exit", () => this.#put());
    this.#on(process, "SIGTSTP", () => this.suspend());
    this.#on(process, "SIGCONT", () => {
      this.#hold();
      resumed();
    });
    for (const signal of ["SIGHUP", "SIGQUIT"] as const)
      this.#on(process, signal, () => {
        this.#put();
        process.removeAllListeners(signal);
        process.kill(process.pid, signal);
      });
    this.#hold();
  }

  /** Gives the terminal back and stops the process, until it is continued. */
  suspend(): void {
    this.#put();
    // SIGTSTP has a listener, so it has not stopped the process.
    process.kill(process.pid, "SIGSTOP");
  }

  /** Gives the terminal back for good. */
  release(): void {
    for (const undo of this.#release.splice(0)) undo();
    this.#put();
  }

  #hold(): void {
    if (!this.#held) this.#write(this.#take);
    this.#held = true;
  }

  #put(): void {
    if (this.#held) this.#write(this.#giveBack);
    this.#held = false;
  }

  #on(emitter: NodeJS.EventEmitter, event: string, listener: () => void): void {
    emitter.on(event, listener);
    this.#release.push(() => emitter.off(event, listener));
  }
}
