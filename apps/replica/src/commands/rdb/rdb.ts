import { Command } from 'commander';
import type { Reporter } from '../../reporter.ts';
import { checkCommand } from './check.ts';
import { diffCommand } from './diff.ts';
import { filterCommand } from './filter.ts';
import { jsonCommand } from './json.ts';
import { keysCommand } from './keys.ts';
import { memoryCommand } from './memory.ts';
import { respCommand } from './resp.ts';

/** `forebay rdb`: what is in a snapshot. */
export function rdbCommand(reporter: Reporter): Command {
  const rdb = new Command('rdb')
    .description('Read a snapshot (an RDB): print it, search it, compare it, cut it down.')
    .helpOption('--help', 'show this text')
    .exitOverride();
  for (const make of [
    jsonCommand,
    respCommand,
    keysCommand,
    checkCommand,
    filterCommand,
    memoryCommand,
    diffCommand,
  ]) {
    rdb.addCommand(
      make(reporter)
        .helpOption('--help', 'show this text')
        .allowExcessArguments(false)
        .copyInheritedSettings(rdb),
    );
  }
  return rdb;
}
