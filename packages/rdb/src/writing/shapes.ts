import { RdbError } from '../format/errors.ts';
import type { ModuleId } from '../format/events.ts';
import { CHARACTERS } from '../values/module.ts';
import type { Output } from './output.ts';
import type { StreamPacker } from './packers.ts';
import { many, one, type Packer, type Shape } from './shape.ts';
import { type StreamId, streamIdOf } from './stream-id.ts';

export const STRING: Shape = [one('value', (out, { value }) => out.string(value))];

export const LIST: Shape = [many('item', (out, { value }) => out.string(value))];

/** A list in nodes, since 3.2. */
export function listOfNodes(packer: Packer): Shape {
  return [{ kind: 'nodes', of: 'node', content: 'item', packer }];
}

export const SET: Shape = [many('member', (out, { member }) => out.string(member))];

/** Scores of eight bytes, since 4.0. */
export const SORTED_SET: Shape = [
  many('scored', (out, { member, score }) => {
    out.string(member);
    out.f64(score);
  }),
];

/** What stands in place of the length of a score that has no digits (`rdb.c: rdbSaveDoubleValue`). */
const [NAN, INFINITE, MINUS_INFINITE] = [253, 254, 255];

/** Scores as text, before 4.0. */
export const OLD_SORTED_SET: Shape = [
  many('scored', (out, { member, score }) => {
    out.string(member);
    if (Number.isNaN(score)) out.u8(NAN);
    else if (!Number.isFinite(score)) out.u8(score > 0 ? INFINITE : MINUS_INFINITE);
    else {
      const text = Object.is(score, -0) ? '-0' : String(score);
      out.u8(text.length);
      for (let i = 0; i < text.length; i++) out.u8(text.charCodeAt(i));
    }
  }),
];

export const HASH: Shape = [
  many('field', (out, { field, value }) => {
    out.string(field);
    out.string(value);
  }),
];

/**
 * With times of fields, in Redis since 7.4. They are told from a time ahead, which need not be the first one;
 * from 0, so that it need not be known.
 */
export const HASH_OF_REDIS: Shape = [
  {
    ...many('field', (out, { field, value, expiresAt }) => {
      out.number(expiresAt === undefined ? 0 : checkedTime(expiresAt, 0) + 1);
      out.string(field);
      out.string(value);
    }),
    ahead: (out) => out.i64(0),
  },
];

/** The same, in Valkey since 9.0. */
export const HASH_OF_VALKEY: Shape = [
  many('field', (out, { field, value, expiresAt }) => {
    out.string(field);
    out.string(value);
    out.i64(expiresAt === undefined ? -1 : checkedTime(expiresAt, 0));
  }),
];

/** Redis since 8.8. Each value is written as a string. */
export const ARRAY: Shape = [
  {
    ...many('slot-value', (out, { index, value }) => {
      out.number(index);
      out.number(0);
      out.string(value);
    }),
    first: one(
      'insert-index',
      (out, { index }) => {
        out.number(1);
        out.number(index);
      },
      (out) => out.number(0),
    ),
  },
];

/** What a module has written, in the form that can be read without it, since 4.0. */
export const MODULE: Shape = [
  one('module-id', (out, { module }) => out.number(moduleNumberOf(module))),
  {
    kind: 'open',
    of: 'module-value',
    encode: (out, element) => {
      if (element.type === 'module-value') writeModuleValue(out, element.kind, element.value);
    },
    close: (out) => out.number(0),
  },
];

const MODULE_KINDS = ['signed', 'unsigned', 'float', 'double', 'string'] as const;

function writeModuleValue(
  out: Output,
  kind: (typeof MODULE_KINDS)[number],
  value: Uint8Array | bigint | number,
): void {
  out.number(1 + MODULE_KINDS.indexOf(kind));
  if (kind === 'string') out.string(value as Uint8Array);
  else if (kind === 'float') out.f32(Number(value));
  else if (kind === 'double') out.f64(Number(value));
  else out.number(BigInt.asUintN(64, BigInt(value as bigint)));
}

/** @throws {RdbError} `INVALID_VALUE` */
export function moduleNumberOf({ name, version }: ModuleId): bigint {
  let id = 0n;
  for (const character of name) id = id * 64n + BigInt(CHARACTERS.indexOf(character));
  const isValid = name.length === 9 && [...name].every((one) => CHARACTERS.includes(one));
  if (isValid && Number.isInteger(version) && version >= 0 && version < 1024) {
    return id * 1024n + BigInt(version);
  }
  const message = `no module has a type ${JSON.stringify(name)} of version ${version}`;
  throw new RdbError('INVALID_VALUE', 0, message);
}

/** How a stream is written, by its form: 1 since 5.0, 2 since 7.0, 3 since 7.2; 4 and 5: Redis 8.6 and 8.8. */
export function streamOf(form: number, packer: StreamPacker): Shape {
  return [
    { kind: 'nodes', of: 'node', content: 'entry', packer },
    one('stream', (out, stream) => {
      out.number(stream.length);
      writeId(out, streamIdOf(stream.lastId));
      if (form < 2) return;
      // What 7.0 takes it for that reads the form before.
      writeId(out, stream.firstId === undefined ? packer.firstId : streamIdOf(stream.firstId));
      writeId(out, streamIdOf(stream.maxDeletedId ?? '0-0'));
      out.number(stream.entriesAdded ?? stream.length);
    }),
    many(
      'group',
      (out, { name, lastId, entriesRead }) => {
        out.string(name);
        writeId(out, streamIdOf(lastId));
        if (form >= 2) out.number(BigInt.asUintN(64, entriesRead ?? -1n));
      },
      many('pending', (out, { id, deliveredAt, deliveries }) => {
        writeRawId(out, id);
        out.i64(checkedTime(deliveredAt));
        out.number(deliveries);
      }),
      many(
        'consumer',
        (out, { name, seenAt, activeAt }) => {
          out.string(name);
          out.i64(checkedTime(seenAt));
          if (form >= 3) out.i64(checkedTime(activeAt ?? seenAt));
        },
        many('consumer-pending', (out, { id }) => writeRawId(out, id)),
      ),
      ...(form >= 5 ? [many('negative', (out, { id }) => writeRawId(out, id))] : []),
    ),
    ...(form >= 4 ? IDEMPOTENCE : []),
  ];
}

const IDEMPOTENCE: Shape = [
  one('idempotence', (out, { duration, most }) => {
    out.number(duration);
    out.number(most);
  }),
  many(
    'producer',
    (out, { id }) => out.string(id),
    many('produced', (out, { message, id }) => {
      out.string(message);
      writeId(out, streamIdOf(id));
    }),
  ),
  one('idempotence-counts', (out, { counts }) => {
    for (const count of counts) out.number(count);
  }),
];

function writeId(out: Output, { ms, sequence }: StreamId): void {
  out.number(ms);
  out.number(sequence);
}

function writeRawId(out: Output, id: string): void {
  const { ms, sequence } = streamIdOf(id);
  out.u64BigEndian(ms);
  out.u64BigEndian(sequence);
}

/** Milliseconds that have a place in 64 bits with a sign. @throws {RdbError} `INVALID_VALUE` */
export function checkedTime(time: number, least: number = -(2 ** 63)): number {
  if (Number.isInteger(time) && time >= least && time < 2 ** 63) return time;
  throw new RdbError('INVALID_VALUE', 0, `${time} is not a time in milliseconds`);
}
