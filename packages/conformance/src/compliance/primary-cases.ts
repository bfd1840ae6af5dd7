import type { Abilities } from '../servers/installed.ts';
import { Wire } from './wire.ts';

/** Something that every primary does, seen on the wire. */
export interface ComplianceCase {
  readonly name: string;
  /** Which servers do it; all unless given. */
  readonly of?: (abilities: Abilities) => boolean;
  /** What came, in an order, and what that has to be like. */
  run(session: Session): Promise<readonly (readonly [string, RegExp])[]>;
}

/** Connections to the primary that is looked at, and where its stream is. */
export interface Session {
  connect(): Promise<Wire>;
  /** Takes a full copy on a connection of its own; the id and the offset that it was told. */
  copied(): Promise<{ readonly id: string; readonly offset: number }>;
  /** Has something written, so that the stream goes on. */
  write(): Promise<void>;
}

const OTHER_ID = 'f'.repeat(40);
const FULL = /^\+FULLRESYNC [0-9a-zA-Z]{40} \d+$/;
const NOT_A_NUMBER = /^-ERR value is not an integer or out of range$/;

/** One question on a connection of its own, after others that are only to be answered well. */
function asked(question: readonly string[], answer: RegExp, before: readonly string[][] = []) {
  return async ({ connect }: Session): Promise<[string, RegExp][]> => {
    const wire = await connect();
    const told: [string, RegExp][] = [];
    for (const words of before) told.push([await wire.ask(...words), /^\+OK$/]);
    return [...told, [await wire.ask(...question), answer]];
  };
}

/** A request for what comes after a copy, `beyond` bytes further. */
function resumed(
  beyond: number,
  answer: (id: string) => RegExp,
  { psync2 = true, written = (id: string) => id } = {},
) {
  return async ({ connect, copied }: Session): Promise<[string, RegExp][]> => {
    const { id, offset } = await copied();
    const wire = await connect();
    if (psync2) await wire.ask('REPLCONF', 'capa', 'psync2');
    const reply = await wire.ask('PSYNC', written(id), String(offset + 1 + beyond));
    return [[reply, answer(id)]];
  };
}

/** What is held against our primary and against real ones alike; see `../shared/protocol.md` there. */
export const primaryCases: readonly ComplianceCase[] = [
  { name: 'PING', run: asked(['PING'], /^\+PONG$/) },
  {
    name: 'an unknown command',
    run: asked(
      ['NO-SUCH', 'x'],
      /^-ERR unknown command [`']NO-SUCH[`'], with args beginning with: [`']x[`'],? ?$/,
    ),
  },
  { name: 'REPLCONF listening-port', run: asked(['REPLCONF', 'listening-port', '7777'], /^\+OK$/) },
  { name: 'REPLCONF with half a pair', run: asked(['REPLCONF', 'capa'], /^-ERR syntax error$/) },
  {
    name: 'REPLCONF of an unknown option',
    run: asked(['REPLCONF', 'unheard-of', '1'], /^-ERR Unrecognized REPLCONF option: unheard-of$/),
  },
  {
    name: 'REPLCONF of an unknown capability',
    run: asked(['REPLCONF', 'capa', 'unheard-of'], /^\+OK$/),
  },
  {
    name: 'REPLCONF of several at once',
    run: asked(['REPLCONF', 'capa', 'eof', 'capa', 'psync2'], /^\+OK$/),
  },
  {
    name: 'REPLCONF rdb-only',
    of: ({ since62 }) => since62,
    run: asked(['REPLCONF', 'rdb-only', '1'], /^\+OK$/),
  },
  {
    name: 'PSYNC without an offset',
    run: asked(['PSYNC', '?'], /^-ERR wrong number of arguments for 'psync' command$/),
  },
  {
    name: 'PSYNC with an offset that is none',
    // Before 7.0 a full resync came as well, error or not.
    of: ({ absoluteTimes }) => absoluteTimes,
    run: asked(['PSYNC', OTHER_ID, 'x'], NOT_A_NUMBER),
  },
  { name: 'PSYNC of no history', run: asked(['PSYNC', '?', '-1'], FULL) },
  { name: 'PSYNC of no history, at an offset', run: asked(['PSYNC', '?', '1'], FULL) },
  { name: 'PSYNC of another history', run: asked(['PSYNC', OTHER_ID, '1'], FULL) },
  { name: 'PSYNC of the blank history', run: asked(['PSYNC', '0'.repeat(40), '1'], FULL) },
  {
    name: 'PSYNC FAILOVER of another history',
    of: ({ since62 }) => since62,
    run: asked(['PSYNC', OTHER_ID, '1', 'FAILOVER'], /^-ERR /),
  },
  { name: 'WAIT for nobody', run: asked(['WAIT', '0', '1'], /^:\d+$/) },
  {
    name: 'a payload by its length, to who did not say that it takes a mark',
    run: async ({ connect }) => {
      const wire = await connect();
      const line = await wire.ask('PSYNC', '?', '-1');
      const header = await wire.line();
      const rdb = await wire.bytes(9);
      return [
        [line, FULL],
        [header, /^\$\d+$/],
        [rdb, /^(REDIS\d{4}|VALKEY\d{3})$/],
      ];
    },
  },
  {
    name: 'a payload up to a mark, and nothing behind it before an ACK',
    run: async ({ connect, write }) => {
      const wire = await connect();
      await wire.ask('REPLCONF', 'capa', 'eof', 'capa', 'psync2');
      const line = await wire.ask('PSYNC', '?', '-1');
      const header = await wire.line();
      const mark = header.slice('$EOF:'.length);
      const payload = await wire.upTo(mark);
      await write();
      // An answer to another comes after what this one was sent.
      await (await connect()).ask('PING');
      const behind = wire.received;
      return [
        [line, FULL],
        [header, /^\$EOF:[0-9a-f]{40}$/],
        [payload, /^(REDIS|VALKEY)/],
        [behind, /^$/],
      ];
    },
  },
  {
    name: 'what comes next under its id',
    run: resumed(0, (id) => new RegExp(`^\\+CONTINUE ${id}$`)),
  },
  {
    name: 'the same, under its id in capitals',
    run: resumed(0, (id) => new RegExp(`^\\+CONTINUE ${id}$`), {
      written: (id) => id.toUpperCase(),
    }),
  },
  {
    name: 'the same, to who takes no id',
    run: resumed(0, () => /^\+CONTINUE$/, { psync2: false }),
  },
  { name: 'two past the end', run: resumed(10_000_000, () => FULL) },
];

/** A session with a primary; connections are closed by `close`. */
export function sessionWith(port: number, write: () => Promise<void>): Session & { close(): void } {
  const wires: Wire[] = [];
  const open = async (): Promise<Wire> => {
    const wire = await Wire.connect(port);
    wires.push(wire);
    return wire;
  };
  return {
    connect: open,
    write,
    copied: async () => {
      const wire = await open();
      const [, id = '', offset] = (await wire.ask('PSYNC', '?', '-1')).split(' ');
      await wire.bytes(Number((await wire.line()).slice(1)));
      return { id, offset: Number(offset) };
    },
    close: () => {
      for (const wire of wires) wire.close();
    },
  };
}
