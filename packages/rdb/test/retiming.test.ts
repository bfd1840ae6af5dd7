import { concatBytes } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { RdbTarget, RetimingOptions, WritableEvent } from '../src/index.ts';
import {
  payloadElements,
  RdbReader,
  RdbRetimer,
  restorePayload,
  retimePayload,
} from '../src/index.ts';
import { inPieces } from './collect.ts';
import { written } from './write.ts';

const MOMENT = 1_700_000_000_000;
const NOW = MOMENT + 3_600_000;
const bytes = (text: string): Uint8Array => Buffer.from(text);

const AUX: WritableEvent = { type: 'aux', key: 'ctime', value: String(MOMENT / 1000) };
const key = (name: string, expiresAt?: number): WritableEvent[] => [
  { type: 'key', key: bytes(name), dataType: 'string', expiresAt, idle: 5 },
  { type: 'value', value: bytes('x'.repeat(100)) },
  { type: 'key-end' },
];
const field = (name: string, expiresAt?: number): WritableEvent => {
  return { type: 'field', field: bytes(name), value: bytes('v'), expiresAt };
};
const hash: WritableEvent[] = [
  { type: 'key', key: bytes('hash'), dataType: 'hash', fieldsExpire: true },
  ...[field('past', MOMENT - 5), field('later', MOMENT + 5), field('ever')],
  { type: 'key-end' },
];
const KEYS = [...key('past', MOMENT), ...key('later', MOMENT + 1), ...key('ever')];

/** What a rewritten RDB has: the times of keys and fields by name. */
function timesOf(rdb: Uint8Array, options: Omit<RetimingOptions, 'moment' | 'now'>, piece = 1e6) {
  const retimer = new RdbRetimer({ ...options, now: NOW });
  const output = concatBytes(inPieces(rdb, piece).map((each) => retimer.push(each)));
  retimer.finish();
  const reader = new RdbReader();
  reader.push(output);
  const times: Record<string, number | undefined> = {};
  for (let event = reader.next(); event; event = reader.next()) {
    if (event.type === 'key') times[Buffer.from(event.key).toString()] = event.expiresAt;
    if (event.type === 'field') times[Buffer.from(event.field).toString()] = event.expiresAt;
    if (event.type === 'aux' && event.key === 'ctime') times.ctime = Number(event.value);
    if (event.type === 'key' && event.dataType === 'string' && event.idle !== 5) throw event;
  }
  reader.finish();
  return times;
}

const HOUR = NOW - MOMENT;

describe('the times of an RDB', () => {
  it.each([1, 7, 1e6])('are shifted by the age of the snapshot, in pieces of %d', (piece) => {
    const rdb = written({ magic: 'REDIS', version: 11 }, [AUX, ...KEYS]);
    expect(timesOf(rdb, { mode: 'shift' }, piece)).toEqual({
      ...{ past: MOMENT + HOUR, later: MOMENT + 1 + HOUR, ever: undefined, ctime: NOW / 1000 },
    });
  });

  it('are dropped, except those that had passed when the snapshot was made', () => {
    const rdb = written({ magic: 'REDIS', version: 6 }, [...KEYS]);
    const retimer = new RdbRetimer({ mode: 'drop', moment: MOMENT, now: NOW });
    const output = retimer.push(rdb);
    retimer.finish();
    const reader = new RdbReader();
    reader.push(output);
    const times: unknown[] = [];
    for (let event = reader.next(); event; event = reader.next()) {
      if (event.type === 'key') times.push(event.expiresAt);
    }
    expect(times).toEqual([MOMENT, undefined, undefined]);
  });

  it.each<RdbTarget>([
    { magic: 'REDIS', version: 12 },
    { magic: 'REDIS', version: 14 },
    { magic: 'VALKEY', version: 80 },
  ])('of fields are moved and dropped too: $magic $version', (target) => {
    const rdb = written(target, [AUX, ...hash]);
    expect(timesOf(rdb, { mode: 'shift' })).toMatchObject({
      ...{ past: MOMENT - 5 + HOUR, later: MOMENT + 5 + HOUR, ever: undefined },
    });
    expect(timesOf(rdb, { mode: 'drop' })).toMatchObject({ past: MOMENT - 5, later: undefined });
  });

  it('cannot be changed without the time of the snapshot', () => {
    const rdb = written({ magic: 'REDIS', version: 11 }, KEYS);
    expect(() => timesOf(rdb, { mode: 'shift' })).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: expect.stringMatching(/does not say when it was made/),
      }),
    );
  });
});

describe('the times in a payload', () => {
  const options = { mode: 'shift', moment: MOMENT, now: NOW } as const;

  it.each<RdbTarget>([
    { magic: 'REDIS', version: 12 },
    { magic: 'VALKEY', version: 80 },
  ])('are moved where it is a hash whose fields expire: $magic $version', (target) => {
    const reader = new RdbReader({ level: 'raw' });
    reader.push(written(target, hash));
    let type = 0;
    const raw: Uint8Array[] = [];
    for (let event = reader.next(); event; event = reader.next()) {
      if (event.type === 'key') type = event.valueType;
      if (event.type === 'raw') raw.push(event.bytes.slice());
    }
    const payload = restorePayload(type, concatBytes(raw), target.version);
    const moved = [...payloadElements(retimePayload(payload, options))];
    expect(moved.map((each) => each.type === 'field' && each.expiresAt)).toEqual([
      ...[MOMENT - 5 + HOUR, MOMENT + 5 + HOUR, undefined],
    ]);
  });

  it('do not exist in other payloads, which are not changed', () => {
    const payload = restorePayload(0, Uint8Array.of(1, 65), 11);
    expect(retimePayload(payload, options)).toBe(payload);
    expect(retimePayload(bytes('short'), options)).toEqual(bytes('short'));
    const damaged = restorePayload(24, Uint8Array.of(1, 2, 3), 12);
    expect(retimePayload(damaged, options)).toBe(damaged);
  });
});
