import type { RestoreTarget } from '@forebay/log';
import { PsyncError, parsePosition } from '@forebay/psync';
import { InvalidArgumentError } from 'commander';
import { millisecondsOf } from '../quantities.ts';

/** The forms that `momentOf` reads, as help texts name them. */
export const MOMENT_HELP = `\
WHEN is one of:
  <id>:<offset>        a position: the last byte of what is restored. The command
                       that ends there is included, the next one is not
  2024-05-31T14:05:09  a time: local, unless it ends in Z or +02:00. Everything
                       that arrived up to it is included, and nothing that may
                       have arrived later
  -5m                  a time before now: a number and ms, s, m, h or d`;

const FORMS =
  'Give a position, <id>:<offset>, a time, 2024-05-31T14:05:09Z, or a time before now, -5m.';
const BEFORE_NOW = /^-(\d+(?:\.\d+)?(?:ms|s|m|h|d))$/i;
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/** A moment as a person writes it; `now` is in milliseconds since 1970. @throws {InvalidArgumentError} */
export function momentOf(text: string, now: number = Date.now()): RestoreTarget {
  if (/^\w{40}:/.test(text)) {
    try {
      return { position: parsePosition(text) };
    } catch (error) {
      if (!(error instanceof PsyncError)) throw error;
      throw new InvalidArgumentError(error.message);
    }
  }
  const span = BEFORE_NOW.exec(text)?.[1];
  const time = span === undefined ? isoTime(text) : now - millisecondsOf(span);
  if (time !== undefined && Number.isFinite(time) && time >= 0) return { time };
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError(FORMS);
  // Seconds, milliseconds and offsets look alike.
  throw new InvalidArgumentError(`A number alone is ambiguous: a time or an offset. ${FORMS}`);
}

function isoTime(text: string): number | undefined {
  const [found, year, month, day, clock = '00:00', zone = ''] = ISO.exec(text) ?? [];
  if (found === undefined) return undefined;
  // The platform takes the 30th of February for the 1st of March.
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (date.getUTCDate() !== Number(day)) return undefined;
  const [hours = '', minutes = '00'] = zone.match(/[+-]\d\d|\d\d/g) ?? [];
  const offset = hours === '' ? zone.toUpperCase() : `${hours}:${minutes}`;
  // A day alone is one of UTC to the platform, and local with a time beside it.
  return Date.parse(`${year}-${month}-${day}T${clock}${offset}`);
}
