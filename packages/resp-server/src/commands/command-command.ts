import type { RespValue } from '@forebay/resp';
import type { Reply } from '../replies.ts';
import {
  array,
  bulk,
  integer,
  map,
  NIL,
  otherSubcommand,
  SYNTAX_ERROR,
  simple,
  wrongArity,
} from '../replies.ts';
import type { Command } from './command.ts';
import { MANY } from './command.ts';
import type { CommandTable } from './command-table.ts';

/** `COMMAND`, answered from the table itself (`server.c: commandCommand`). */
export function commandCommand(table: CommandTable): Command {
  return {
    least: 1,
    most: MANY,
    summary: 'Shows the supported commands.',
    isContainer: true,
    run: (_, words) => answer(table, words),
  };
}

function answer(table: CommandTable, [subcommand, ...names]: readonly string[]): Reply {
  const named = names.length > 0 ? names.map((name) => name.toLowerCase()) : namesIn(table);
  switch (subcommand?.toLowerCase()) {
    case undefined:
      return array(...[...table].map(([name, command]) => info(name, command)));
    case 'count':
      return names.length > 0 ? wrongArity('command|count') : integer(table.size);
    case 'list':
      if (names.length > 0) return SYNTAX_ERROR;
      return array(...namesIn(table).map(bulk));
    case 'info':
      return array(
        ...named.map((name) => {
          const command = table.get(name);
          return command === undefined ? NIL : info(name, command);
        }),
      );
    case 'docs': {
      const known = named.flatMap((name) => {
        const command = table.get(name);
        return command === undefined ? [] : [[name, docs(command)] as const];
      });
      return map(Object.fromEntries(known));
    }
    default:
      return otherSubcommand('command', subcommand ?? '', [
        'COUNT',
        'DOCS [<command-name> ...]',
        'INFO [<command-name> ...]',
        'LIST',
      ]);
  }
}

function namesIn(table: CommandTable): string[] {
  return Array.from(table, ([name]) => name);
}

/** Name, arity and flags; without keys, categories, hints, key specifications and subcommands. */
function info(name: string, { least, most, forStrangers }: Command): RespValue {
  const arity = least === most ? least : -least;
  const flags = ['loading', 'stale', ...(forStrangers ? ['no_auth'] : [])];
  const noKeys = [integer(0), integer(0), integer(0)];
  const nothing = [array(), array(), array(), array()];
  return array(bulk(name), integer(arity), array(...flags.map(simple)), ...noKeys, ...nothing);
}

function docs({ summary }: Command): RespValue {
  return map({ summary: bulk(summary), since: bulk('1.0.0'), group: bulk('server') });
}
