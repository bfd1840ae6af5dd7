export type { Argument } from './commands/argument.ts';
export type { PlainKey, PlainLosses } from './commands/plain-commands.ts';
export { isPlain, PlainCommands } from './commands/plain-commands.ts';
export type { CommandLosses, RdbCommandsOptions } from './commands/rdb-commands.ts';
export { RdbCommands } from './commands/rdb-commands.ts';
export { restoreArguments } from './commands/restore-arguments.ts';
