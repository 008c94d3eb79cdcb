import { Argument, type Command } from "commander";
import { complete } from "../completion/complete.ts";
import { ASK, SCRIPTS, SHELLS, type Shell } from "../completion/scripts.ts";
import { findValues } from "../completion/values.ts";
import { type Output, printable } from "../output.ts";

/** `millrace completion`, and what its scripts ask. */
export function addCompletion(program: Command, output: Output): void {
  program
    .command("completion")
    .description("print a script that makes a shell complete commands, options, files, and what the service has")
    .addArgument(new Argument("<shell>", "the shell").choices([...SHELLS]))
    .addHelpText("after", HELP)
    .action((shell: Shell) => output.line(SCRIPTS[shell].trimEnd()));

  program
    .command(ASK, { hidden: true })
    .argument("[words...]")
    .helpOption(false)
    .action(async (words: string[]) => {
      const { candidates, paths } = await complete(program, words, findValues);
      for (const { value, description } of candidates) output.line(`${printable(value)}\t${printable(description)}`);
      output.line(`:${paths}`);
    });
}

const HELP = `
Ids and tags of executions, names of configs, and routes come from the running service (--url on the line, or MILLRACE_URL);
where there is none, or it is slow, nothing is offered for them.

bash, in ~/.bashrc:          eval "$(millrace completion bash)"
zsh, in ~/.zshrc:            source <(millrace completion zsh)
fish, in config.fish:        millrace completion fish | source

\`npx millrace\` is not completed, as its first word is npx: put node_modules/.bin on the path, or define
millrace() { npx millrace "$@"; }

Examples:
  $ millrace completion bash
  $ millrace completion fish`;
