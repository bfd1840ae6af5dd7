import type { Command, Option } from 'commander';

/** A place in the command line, and what may be typed there. */
export interface Place {
  /** The words that lead there: `forebay rdb keys`. */
  readonly path: string;
  /** Commands below it, and arguments that can be listed. */
  readonly commands: readonly Described[];
  readonly options: readonly CompletedOption[];
}

/** A word that may be typed. */
export interface Described {
  readonly word: string;
  readonly description: string;
}

/** A flag that may be typed, and what may come after it. */
export interface CompletedOption extends Described {
  readonly takesValue: boolean;
  /** What may come after it, where that can be listed. */
  readonly choices: readonly string[];
}

/** Every place of a program, by its commands as they are. */
export function placesOf(command: Command, path = command.name()): Place[] {
  const place = {
    path,
    commands: [
      ...command.commands.map((sub) => ({ word: sub.name(), description: sub.description() })),
      ...command.registeredArguments.flatMap(({ argChoices = [], description }) =>
        argChoices.map((word) => ({ word, description })),
      ),
    ],
    options: command.createHelp().visibleOptions(command).flatMap(completed),
  };
  return [place, ...command.commands.flatMap((sub) => placesOf(sub, `${path} ${sub.name()}`))];
}

function completed(option: Option): CompletedOption[] {
  const { long, short, description, required, optional, argChoices: choices = [] } = option;
  const words = [short, long].filter((word) => word != null);
  return words.map((word) => ({ word, description, takesValue: required || optional, choices }));
}
