import { Argument, Command } from 'commander';
import { placesOf } from '../completion/places.ts';
import { SHELLS } from '../completion/shells.ts';
import { printText } from '../output/output.ts';

const HELP = `
  source <(forebay completion bash)                       # in ~/.bashrc
  source <(forebay completion zsh)                        # in ~/.zshrc, after compinit
  forebay completion fish > ~/.config/fish/completions/forebay.fish`;

/** `forebay completion`: a script that has a shell complete the rest. */
export function completionCommand(wholeProgram: () => Promise<Command>): Command {
  return new Command('completion')
    .description('Print what has a shell complete commands and flags.')
    .addArgument(new Argument('<shell>', 'which one').choices(Object.keys(SHELLS)))
    .helpOption('--help', 'show this text')
    .exitOverride()
    .addHelpText('after', HELP)
    .allowExcessArguments(false)
    .action(async (shell: string) => {
      await printText(SHELLS[shell]?.(placesOf(await wholeProgram())) ?? '');
    });
}
