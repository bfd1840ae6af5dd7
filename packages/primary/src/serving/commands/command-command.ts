import type { RespValue } from '@forebay/resp';
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
} from '../../conversation/replies.ts';
import type { Caller, Command, CommandTable, Reply } from '../command.ts';
import { MANY } from '../command.ts';

/** `COMMAND`: what is served, told from the table itself (`server.c: commandCommand`). */
export function commandCommand<By extends Caller>(table: CommandTable<By>): Command<By> {
  return {
    ...{ least: 1, most: MANY, summary: 'Shows the supported commands.', isContainer: true },
    run: (_, words) => answer(table, words),
  };
}

function answer(table: CommandTable<never>, [subcommand, ...names]: readonly string[]): Reply {
  const named = names.length > 0 ? names.map((name) => name.toLowerCase()) : [...table.keys()];
  switch (subcommand?.toLowerCase()) {
    case undefined:
      return array(...[...table].map(([name, command]) => info(name, command)));
    case 'count':
      return names.length > 0 ? wrongArity('command|count') : integer(table.size);
    case 'list':
      if (names.length > 0) return SYNTAX_ERROR;
      return array(...[...table.keys()].map(bulk));
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
        ...['COUNT', 'DOCS [<command-name> ...]', 'INFO [<command-name> ...]', 'LIST'],
      ]);
  }
}

/** Name, arity, flags, no keys, and nothing to say of categories, hints, key places and subcommands. */
function info(name: string, { least, most, forStrangers }: Command<never>): RespValue {
  const arity = least === most ? least : -least;
  const flags = ['loading', 'stale', ...(forStrangers ? ['no_auth'] : [])];
  const noKeys = [integer(0), integer(0), integer(0)];
  const nothing = [array(), array(), array(), array()];
  return array(bulk(name), integer(arity), array(...flags.map(simple)), ...noKeys, ...nothing);
}

function docs({ summary }: Command<never>): RespValue {
  return map({ summary: bulk(summary), since: bulk('1.0.0'), group: bulk('server') });
}
