import { describeEndpoint } from '@forebay/replica';
import { InvalidArgumentError } from 'commander';
import type { DiskLimit, Retain } from '../quantities.ts';
import {
  bytesOf,
  diskLimitOf,
  millisecondsOf,
  printedSize,
  printedTime,
  retainOf,
} from '../quantities.ts';

/** How a setting's value is written. */
export interface Form<T> {
  /** What stands for it in help; undefined: a flag alone says yes. */
  readonly hint: string | undefined;
  /** The values that there are, where they can be listed. */
  readonly choices?: readonly string[];
  /** Whether a flag takes several words, and may be given again. */
  readonly many?: true;
  /** @throws {InvalidArgumentError} */
  parse(text: string): T;
  /** Text that `parse` reads as the same value; as `CONFIG GET` of a server has it, where one has it. */
  print(value: T): string;
}

export const text = (hint: string): Form<string> => ({
  hint,
  parse: (text) => text,
  print: (value) => value,
});

/** `yes` and `no`, as in a server's configuration; `true` and `false` are taken too. */
export const yesNo: Form<boolean> = {
  hint: undefined,
  choices: ['yes', 'no'],
  parse: (text) => {
    if (/^(yes|true)$/i.test(text)) return true;
    if (/^(no|false)$/i.test(text)) return false;
    throw new InvalidArgumentError('Give yes or no.');
  },
  print: (value) => (value ? 'yes' : 'no'),
};

export function oneOf<T extends string>(hint: string, choices: readonly T[]): Form<T> {
  return {
    hint,
    choices,
    parse: (text) => {
      const found = choices.find((choice) => choice === text);
      if (found !== undefined) return found;
      throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
    },
    print: (value) => value,
  };
}

/** The version of a server: `8.1.0`. */
export const serverVersion: Form<string> = {
  hint: 'version',
  parse: (text) => {
    if (/^\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(text)) return text;
    throw new InvalidArgumentError('A version is three numbers, such as 8.1.0.');
  },
  print: (value) => value,
};

/** 0 to 65535; 0 is none. */
export const port: Form<number> = {
  hint: 'port',
  parse: (text) => {
    const port = Number(text);
    if (/^\d+$/.test(text) && port <= 65535) return port;
    throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  },
  print: String,
};

/** Where to listen for HTTP. */
export interface HttpAddress {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** `HOST:PORT`, an IPv6 address in brackets, or `off`. */
export const httpAddress: Form<HttpAddress | 'off'> = {
  hint: 'addr|off',
  parse: (text) => {
    if (/^(off|no)$/i.test(text)) return 'off';
    const [, bracketed, plain, digits = ''] =
      /^(?:\[([\da-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/i.exec(text) ?? [];
    const host = bracketed ?? plain;
    if (host === undefined) throw new InvalidArgumentError('Give HOST:PORT, or off.');
    return { host, port: port.parse(digits) };
  },
  print: (value) => (value === 'off' ? value : describeEndpoint({ kind: 'tcp', ...value })),
};

/** One to listen on, or `any` that is free. */
export const listeningPort: Form<number | 'any'> = {
  hint: 'port',
  parse: (text) => (text === 'any' ? text : port.parse(text)),
  print: String,
};

/** Whole seconds, from 1 on. */
export const seconds: Form<number> = whole('seconds', 1, 'Seconds are a whole number from 1 on.');

/** The same, where 0 is never. */
export const secondsOrNever: Form<number> = whole(
  'seconds',
  0,
  'Seconds are a whole number from 1 on, or 0.',
);

/** From `least` on. */
export function count(hint: string, least: number): Form<number> {
  return whole(hint, least, `Give a whole number from ${least} on.`);
}

function whole(hint: string, least: number, complaint: string): Form<number> {
  return {
    hint,
    parse: (text) => {
      const number = Number(text);
      if (/^\d{1,9}$/.test(text) && number >= least) return number;
      throw new InvalidArgumentError(complaint);
    },
    print: String,
  };
}

/** Words, one after another. */
export const words = (hint: string): Form<readonly string[]> => ({
  hint,
  many: true,
  parse: (text) => text.split(/\s+/).filter((word) => word !== ''),
  print: (value) => value.join(' '),
});

/** From 0 on, without a sign for it, as servers have it. */
export const percent: Form<number> = {
  hint: 'percent',
  parse: (text) => {
    if (/^\d{1,6}$/.test(text)) return Number(text);
    throw new InvalidArgumentError('A percentage is a whole number from 0 on.');
  },
  print: String,
};

/** In bytes, and printed as a number of them (`config.c: numericConfigGet`). */
export const size: Form<number> = { hint: 'size', parse: bytesOf, print: String };

/** In milliseconds. */
export const time: Form<number> = { hint: 'time', parse: millisecondsOf, print: printedTime };

export const retain: Form<Retain> = {
  hint: 'time|size',
  parse: retainOf,
  print: (retain) => ('time' in retain ? printedTime(retain.time) : printedSize(retain.size)),
};

export const diskLimit: Form<DiskLimit> = {
  hint: 'share|size',
  parse: diskLimitOf,
  print: (limit) =>
    'share' in limit ? `${Number((limit.share * 100).toFixed(6))}%` : printedSize(limit.size),
};

/** Servers, each `HOST PORT`, `HOST:PORT` or a URL, one after another; the host of IPv6 may be in brackets. */
export const addresses: Form<readonly string[]> = {
  hint: 'addr',
  many: true,
  parse: addressesOf,
  print: (value) => value.join(' '),
};

/** Whether a word is a whole address. */
export function isUrl(word: string): boolean {
  return /^[a-z]+:\/\//.test(word);
}

/** A host, of IPv6 in brackets, and a port. */
const HOST_AND_PORT = /^(\[[^\]]*\]|[^:[\]]+):(\d+)$/;

/** As `HOST PORT`, or the URL. */
function addressesOf(text: string): string[] {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const found: string[] = [];
  while (words.length > 0) {
    const first = words.shift() ?? '';
    if (isUrl(first)) {
      found.push(first);
      continue;
    }
    const [, host = first, joined] = HOST_AND_PORT.exec(first) ?? [];
    const port = joined ?? words.shift() ?? '';
    found.push(`${host.replace(/^\[(.*)\]$/, '$1')} ${checkedPort(port)}`);
  }
  return found;
}

function checkedPort(text: string): string {
  if (!/^\d+$/.test(text)) {
    throw new InvalidArgumentError(
      'give HOST PORT, HOST:PORT, or a URL (redis://, rediss://, unix://)',
    );
  }
  const number = Number(text);
  if (number > 0 && number <= 65535) return text;
  throw new InvalidArgumentError(`port ${text} is out of range: give 1 to 65535`);
}
