import type { TtlMode } from '@forebay/rdb';
import { RdbError, RdbRetimer } from '@forebay/rdb';
import { InvalidArgumentError, Option } from 'commander';
import { EXIT, ExitError } from '../../exit.ts';
import { momentOf } from '../moment.ts';
import type { TtlChoice } from '../ttl-option.ts';
import type { Input } from './input.ts';

/** Help text of `--ttl` and `--moment`. */
export const TTL_HELP = `\
--ttl drop removes the TTLs of keys and hash fields that had not expired when the snapshot was made. --ttl shift keeps
the TTL that was left at that time, counted from now. The time of the snapshot is its field ctime; a snapshot without
this field needs --moment: a time, 2024-05-31T14:05:09, or a time before now, -5m.`;

export function momentOption(): Option {
  return new Option(
    '--moment <time>',
    'with --ttl drop or shift: when the snapshot was made',
  ).argParser(timeOf);
}

/** An RDB with other times to live. @throws {ExitError} usage where `--moment` is needed, or is of no use */
export function retimed(input: Input, ttl: TtlChoice, moment: number | undefined): Input {
  if (ttl !== 'keep') return { ...input, pieces: piecesOf(input, ttl, moment) };
  if (moment === undefined) return input;
  throw new ExitError(EXIT.usage, '--moment needs --ttl drop or --ttl shift');
}

async function* piecesOf(
  { name, pieces }: Input,
  mode: TtlMode,
  moment: number | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const given = moment === undefined ? {} : { moment };
  const retimer = new RdbRetimer({ mode, now: Date.now(), ...given });
  try {
    for await (const piece of pieces) {
      const bytes = retimer.push(piece);
      if (bytes.length > 0) yield bytes;
    }
    retimer.finish();
  } catch (error) {
    if (!(error instanceof RdbError) || error.code !== 'INVALID_OPTION') throw error;
    const advice = moment === undefined ? 'give --moment, or --ttl keep' : 'give --ttl keep';
    throw new ExitError(EXIT.usage, `${name}: cannot change TTLs: ${error.message}; ${advice}`);
  }
}

function timeOf(text: string): number {
  const moment = momentOf(text);
  if ('time' in moment) return moment.time;
  throw new InvalidArgumentError('Give a time, 2024-05-31T14:05:09Z, or a time before now, -5m.');
}
