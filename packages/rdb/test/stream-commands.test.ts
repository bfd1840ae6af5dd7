import { describe, expect, it } from 'vitest';
import type { PlainCommands } from '../src/commands/plain-commands.ts';
import { PlainStreams } from '../src/commands/plain-streams.ts';
import { StreamCommands } from '../src/commands/stream-commands.ts';
import type { Argument } from '../src/commands.ts';
import type { RdbElement, StreamElement, WritableEvent } from '../src/index.ts';
import { RdbReader, RdbWriter } from '../src/index.ts';

const bytes = (text: string) => Buffer.from(text);
const group = { type: 'group', name: bytes('g'), lastId: '9-9', entriesRead: undefined } as const;
const pending = (id: string, deliveredAt: number) =>
  ({ type: 'pending', id, deliveredAt, deliveries: deliveredAt + 1 }) as const;

/** Makes the commands of a stream `k`; `most`: pending entries of a group. */
function newCommands(most?: number) {
  const commands = new StreamCommands(most);
  commands.begin(bytes('k'));
  return {
    add: (element: StreamElement): Argument[][] =>
      [...commands.add(element)].map((one) => [...one]),
    end: (): Argument[][] => [...commands.end()].map((one) => [...one]),
  };
}

describe('the pending entries of a group', () => {
  it('are claimed by their consumers, each with its own time and count, however many', () => {
    const { add, end } = newCommands();
    const sent = add(group);
    const ids = Array.from({ length: 1000 }, (_, i) => `${i >> 3}-${2n ** 60n + BigInt(i)}`);
    for (const [i, id] of ids.entries()) sent.push(...add(pending(id, i)));
    for (const half of [0, 1]) {
      const name = bytes(`c${half}`);
      sent.push(...add({ type: 'consumer', name, seenAt: 0, activeAt: undefined }));
      for (const [i, id] of ids.entries()) {
        if (i % 2 === half) sent.push(...add({ type: 'consumer-pending', id }));
      }
    }
    sent.push(...end());
    const claims = sent
      .filter(([name]) => name === 'XCLAIM')
      .map((args) => [args[5], args[7], args[9]]);
    const expected = ids.map((id, i) => [id, i, i + 1]);
    expect(claims).toHaveLength(1000);
    expect(claims).toEqual([0, 1].flatMap((half) => expected.filter((_, i) => i % 2 === half)));
  });

  it('are refused if a group has more than are kept; each group is counted separately', () => {
    const { add } = newCommands(2);
    for (let i = 0; i < 3; i++) {
      add(group);
      for (const id of ['1-1', '1-2']) add(pending(id, 1));
    }
    const refused = {
      code: 'NEEDS_RESTORE',
      message: 'group "g" of key "k" has more than 2 pending entries',
    };
    expect(() => add(pending('1-3', 1))).toThrow(expect.objectContaining(refused));
  });

  it('are refused in an order that no server writes', () => {
    const { add } = newCommands();
    add(group);
    add(pending('2-1', 1));
    expect(() => add(pending('1-5', 1))).toThrow(/in an order that no server writes/);
  });
});

describe('a stream that is too large to be read twice', () => {
  it('loses pending entries of deleted messages, which are counted, and keeps the rest', () => {
    const ids = { lastId: '9-1', firstId: '2-1', maxDeletedId: '3-1' };
    const writer = new RdbWriter({ magic: 'REDIS', version: 10 });
    const value: WritableEvent[] = [
      { type: 'key', key: bytes('k'), dataType: 'stream', database: 0 },
      ...[2, 4, 9].map((ms) => {
        return { type: 'entry', id: `${ms}-1`, fields: [bytes('a'), bytes('b')] } as const;
      }),
      { type: 'stream', length: 3, ...ids, entriesAdded: 4n },
      group,
      ...[1, 2, 3].map((ms) => pending(`${ms}-1`, 5)),
      { type: 'consumer', name: bytes('c'), seenAt: 0, activeAt: undefined },
      ...[1, 2, 3].map((ms) => ({ type: 'consumer-pending', id: `${ms}-1` }) as const),
      { type: 'key-end' },
      { type: 'end' },
    ];
    for (const event of value) writer.write(event);
    const seen: RdbElement[] = [];
    const add = (one: RdbElement) => {
      seen.push(one);
      return [];
    };
    const plain = { begin: () => [], end: () => [], add };
    const streams = new PlainStreams(plain as unknown as PlainCommands, 10);
    const reader = new RdbReader({ level: 'raw' });
    reader.push(writer.take());
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.type === 'header') streams.header(event);
      else if (event.type === 'key') streams.begin(event);
      else if (event.type === 'raw') for (const _ of streams.add(event.bytes));
      else if (event.type === 'key-end') for (const _ of streams.end());
    }
    expect(streams.deleted).toBe(2);
    expect(seen.filter(({ type }) => type === 'entry')).toHaveLength(3);
    expect(seen.filter(({ type }) => type === 'consumer-pending')).toEqual([
      { type: 'consumer-pending', id: '2-1' },
    ]);
  });
});
