import { InvalidArgumentError } from 'commander';

const BYTES = {
  b: 1,
  k: 1e3,
  kb: 1024,
  m: 1e6,
  mb: 1024 ** 2,
  g: 1e9,
  gb: 1024 ** 3,
  tb: 1024 ** 4,
};
const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A size as servers' configuration has it (`util.c: memtoull`): `64mb`, `1g`, `1048576`. In bytes. */
export function bytesOf(text: string): number {
  return quantity(text, BYTES, 1) ?? refuse(`${text} is no size: give 64mb, say, or 1gb.`);
}

/** A time: `30s`, `10m`, `24h`, `7d`; a number alone is of seconds. In milliseconds. */
export function millisecondsOf(text: string): number {
  const time = quantity(text, MILLISECONDS, 1000);
  return time ?? refuse(`${text} is no time: give 30s, 10m, 24h or 7d, say.`);
}

/** How long the past is kept: by age or by size. */
export type Retain = { readonly time: number } | { readonly size: number };

/** A time (`24h`) or a size (`10gb`). */
export function retainOf(text: string): Retain {
  const time = /^\d/.test(text) ? quantity(text, MILLISECONDS, 1000) : undefined;
  if (time !== undefined) return { time };
  const size = quantity(text, BYTES, undefined);
  return size === undefined ? refuse(`${text} is neither a time nor a size.`) : { size };
}

/** A share of the file system, or a size in bytes. */
export type DiskLimit = { readonly share: number } | { readonly size: number };

/** A share (`80%`) of the file system, or a size (`100gb`). */
export function diskLimitOf(text: string): DiskLimit {
  const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(text)?.[1];
  if (percent === undefined) return { size: bytesOf(text) };
  const share = Number(percent) / 100;
  return share > 0 && share <= 1 ? { share } : refuse(`${text} is no share: give 1% to 100%.`);
}

/** A time as `millisecondsOf` reads it, in the largest unit that it is a whole number of. */
export function printedTime(milliseconds: number): string {
  return printed(milliseconds, ['d', 'h', 'm', 's', 'ms'], MILLISECONDS);
}

/** A size as `retainOf` and `diskLimitOf` read it, likewise. */
export function printedSize(bytes: number): string {
  return printed(bytes, ['tb', 'gb', 'mb', 'kb', 'b'], BYTES);
}

/** From one quantity to another, both included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A range `FROM..TO`, open where one is missing; of quantities that `parse` reads. */
export function rangeOf(text: string, parse: (text: string) => number): Range {
  const [from, to, more] = text.split('..');
  if (from === undefined || to === undefined || more !== undefined || text === '..') {
    return refuse(`${text} is no range: give FROM..TO, FROM.. or ..TO.`);
  }
  const range = {
    from: from === '' ? 0 : parse(from),
    to: to === '' ? Number.POSITIVE_INFINITY : parse(to),
  };
  if (range.from > range.to) return refuse(`${text} is no range: it ends before it begins.`);
  return range;
}

function printed<Unit extends string>(
  value: number,
  units: readonly Unit[],
  factors: Readonly<Record<Unit, number>>,
): string {
  const unit = units.find((unit) => value > 0 && value % factors[unit] === 0) ?? units.at(-1)!;
  return `${value / factors[unit]}${unit}`;
}

function quantity(
  text: string,
  units: Readonly<Record<string, number>>,
  plain: number | undefined,
): number | undefined {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = unit === '' ? plain : units[unit.toLowerCase()];
  if (digits === undefined || factor === undefined) return undefined;
  const value = Math.round(Number(digits) * factor);
  return Number.isSafeInteger(value) ? value : undefined;
}

function refuse(message: string): never {
  throw new InvalidArgumentError(message);
}
