import type { Argument, Command, Option } from "commander";

/** One way to go on with what is typed. */
export interface Candidate {
  /** The whole word. */
  readonly value: string;
  readonly description: string;
}

/** What may stand where the cursor is: words of ours, or a path that the shell knows better how to complete. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  /** `yaml`: a file of that kind, or a folder on the way there. */
  readonly paths: "none" | "files" | "yaml" | "folders";
}

/** A value that is to be completed: of an option or an argument, by the name that it has in the help. */
export interface WantedValue {
  readonly name: string;
  /** What is typed for the command, as `executions cancel`. */
  readonly command: string;
  /** Arguments before it. */
  readonly operands: readonly string[];
  /** Values of the options before it, by their long names. */
  readonly options: ReadonlyMap<string, string>;
}

/** Finds the values of one kind; what does not begin with what is typed is left out by the caller. */
export type FindValues = (wanted: WantedValue) => Promise<Completion>;

/** Completes the last of these words, which stand behind the program's name; it may be empty. */
export async function complete(program: Command, words: readonly string[], find: FindValues): Promise<Completion> {
  const current = words.at(-1) ?? "";
  const place = read(program, words.slice(0, -1));
  const value = (of: Option | Argument) => valuesOf(of, place, find);
  if (place.pending !== null) return startingWith(current, await value(place.pending));
  const [, flag, begun] = /^(--[^=]+)=(.*)$/s.exec(current) ?? [];
  if (flag !== undefined && begun !== undefined && !place.onlyOperands) {
    const option = optionsOf(place.command).find(({ long }) => long === flag);
    if (option === undefined) return NOTHING;
    const { candidates, paths } = startingWith(begun, await value(option));
    return { candidates: candidates.map((each) => ({ ...each, value: `${flag}=${each.value}` })), paths };
  }
  if (current.startsWith("-") && current !== "-" && !place.onlyOperands) return startingWith(current, flags(place));
  if (place.command.commands.length > 0) return startingWith(current, commands(place.command));
  const { registeredArguments } = place.command;
  const last = registeredArguments.at(-1);
  const argument = registeredArguments[place.operands.length] ?? (last?.variadic === true ? last : undefined);
  if (argument !== undefined) return startingWith(current, await value(argument));
  return place.onlyOperands ? NOTHING : startingWith(current, flags(place));
}

const NOTHING: Completion = { candidates: [], paths: "none" };

/** What the words before the cursor mean. */
interface Place {
  command: Command;
  typed: string[];
  operands: string[];
  options: Map<string, string>;
  /** The option whose value comes next. */
  pending: Option | null;
  /** After `--`. */
  onlyOperands: boolean;
}

function read(program: Command, words: readonly string[]): Place {
  const place: Place = {
    command: program,
    typed: [],
    operands: [],
    options: new Map(),
    pending: null,
    onlyOperands: false,
  };
  for (const word of words) {
    const { command, pending } = place;
    if (pending !== null) {
      place.options.set(pending.long ?? "", word);
      place.pending = null;
    } else if (word === "--" && !place.onlyOperands) place.onlyOperands = true;
    else if (word.startsWith("-") && word !== "-" && !place.onlyOperands) {
      const [flag, value] = word.split(/=(.*)/s);
      const option = optionsOf(command).find(({ long, short }) => flag === long || flag === short);
      place.options.set(option?.long ?? word, value ?? "");
      if (option !== undefined && takesValue(option) && value === undefined) place.pending = option;
    } else {
      const next = command.commands.find((child) => child.name() === word || child.aliases().includes(word));
      if (next === undefined || place.operands.length > 0) place.operands.push(word);
      else {
        place.command = next;
        place.typed.push(next.name());
      }
    }
  }
  return place;
}

async function valuesOf(of: Option | Argument, place: Place, find: FindValues): Promise<Completion> {
  if (of.argChoices !== undefined)
    return { candidates: of.argChoices.map((value) => ({ value, description: "" })), paths: "none" };
  const name = "flags" in of ? (/[<[]([\w-]+)/.exec(of.flags)?.[1] ?? "") : of.name();
  return find({ name, command: place.typed.join(" "), operands: place.operands, options: place.options });
}

function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function flags({ command, options }: Place): Completion {
  const candidates = optionsOf(command)
    // What is there already is done with, unless it may be repeated.
    .filter(({ long, parseArg }) => long !== undefined && (parseArg !== undefined || !options.has(long)))
    .map(({ long, description }) => ({ value: long ?? "", description }));
  return { candidates, paths: "none" };
}

function commands(command: Command): Completion {
  const candidates = command
    .createHelp()
    .visibleCommands(command)
    .map((child) => ({ value: child.name(), description: child.description() }));
  return { candidates, paths: "none" };
}

function startingWith(begun: string, { candidates, paths }: Completion): Completion {
  return { candidates: candidates.filter(({ value }) => value.startsWith(begun)), paths };
}
