import type { DataType, KeySelection } from '@forebay/rdb';
import { DATA_TYPES } from '@forebay/rdb';
import type { KeySelectionOptions } from '@forebay/rdb/filter';
import { keySelection } from '@forebay/rdb/filter';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';

export interface SelectionFlags {
  readonly db?: readonly number[];
  readonly type?: readonly DataType[];
  readonly match?: readonly string[];
}

/** Adds the flags that choose keys: `--db`, `--type`, `--match`. */
export function withSelection(command: Command): Command {
  return command
    .addOption(databaseOption())
    .addOption(
      new Option('--type <type>', `these types only: ${DATA_TYPES.join(', ')}`).argParser(
        (text: string, before: readonly DataType[] = []) => [...before, ...typesOf(text)],
      ),
    )
    .addOption(
      new Option('--match <glob>', 'keys like this only, as SCAN has it; one of several').argParser(
        (text: string, before: readonly string[] = []) => [...before, text],
      ),
    );
}

/** `--db`, wherever some of them can be asked for. */
export function databaseOption(): Option {
  return new Option('--db <n>', 'these databases only; a list, or given again').argParser(
    (text: string, before: readonly number[] = []) => [...before, ...databasesOf(text)],
  );
}

/** The keys that the flags select. */
export function selectionOf(
  { db, type, match }: SelectionFlags,
  time: Pick<KeySelectionOptions, 'ttl' | 'now'> = {},
): KeySelection {
  const patterns = match?.map((glob) => Buffer.from(glob));
  return keySelection({ databases: db, types: type, patterns, ...time });
}

function databasesOf(text: string): number[] {
  return text.split(',').map((part) => {
    if (/^\d{1,9}$/.test(part.trim())) return Number(part);
    throw new InvalidArgumentError('Databases are numbers from 0 on: 0, say, or 0,3.');
  });
}

function typesOf(text: string): DataType[] {
  return text.split(',').map((part) => {
    const found = DATA_TYPES.find((type) => type === part.trim());
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`There are ${DATA_TYPES.join(', ')}.`);
  });
}
