import type { RdbElement } from '@forebay/rdb';
import { RdbReader, RdbWriter, type WritableEvent } from '@forebay/rdb';
import { describe, expect, it } from 'vitest';
import type { PlainCommands } from '../../src/commands/rdb/plain-commands.ts';
import { PlainStreams } from '../../src/commands/rdb/plain-streams.ts';
import type { Argument } from '../../src/commands/rdb/stream-commands.ts';
import { StreamCommands } from '../../src/commands/rdb/stream-commands.ts';
import { forebay } from './run.ts';

const bytes = (text: string) => Buffer.from(text);
const group = { type: 'group', name: bytes('g'), lastId: '9-9', entriesRead: undefined } as const;
const pending = (id: string, deliveredAt: number) =>
  ({ type: 'pending', id, deliveredAt, deliveries: deliveredAt + 1 }) as const;

function newCommands(most?: number): { commands: StreamCommands; sent: (readonly Argument[])[] } {
  const sent: (readonly Argument[])[] = [];
  const commands = new StreamCommands((args) => {
    sent.push(args);
  }, most);
  commands.begin(bytes('k'));
  return { commands, sent };
}

describe('the pending entries of a group', () => {
  it('are claimed by their consumers, each with its own time and count, however many', async () => {
    const { commands, sent } = newCommands();
    await commands.add(group);
    const ids = Array.from({ length: 1000 }, (_, i) => `${i >> 3}-${2n ** 60n + BigInt(i)}`);
    for (const [i, id] of ids.entries()) await commands.add(pending(id, i));
    for (const half of [0, 1]) {
      await commands.add({
        type: 'consumer',
        name: bytes(`c${half}`),
        seenAt: 0,
        activeAt: undefined,
      });
      for (const [i, id] of ids.entries()) {
        if (i % 2 === half) await commands.add({ type: 'consumer-pending', id });
      }
    }
    await commands.end();
    const claims = sent
      .filter(([name]) => name === 'XCLAIM')
      .map((args) => [args[5], args[7], args[9]]);
    const expected = ids.map((id, i) => [id, i, i + 1]);
    expect(claims).toHaveLength(1000);
    expect(claims).toEqual([0, 1].flatMap((half) => expected.filter((_, i) => i % 2 === half)));
  });

  it('are refused where they are more than is kept, and those of one group do not count for another', async () => {
    const { commands } = newCommands(2);
    for (let i = 0; i < 3; i++) {
      await commands.add(group);
      for (const id of ['1-1', '1-2']) await commands.add(pending(id, 1));
    }
    const refused = {
      exitCode: 1,
      message: expect.stringMatching(/^group "g" of key "k" has more than 2/),
    };
    expect(() => commands.add(pending('1-3', 1))).toThrow(expect.objectContaining(refused));
  });

  it('are refused in an order that no server writes', async () => {
    const { commands } = newCommands();
    await commands.add(group);
    await commands.add(pending('2-1', 1));
    expect(() => commands.add(pending('1-5', 1))).toThrow(/in an order that no server writes/);
  });

  it('that were given back are left out, and it is said how many', async () => {
    const ids = { lastId: '1-1', firstId: '1-1', maxDeletedId: '0-0' };
    const events: WritableEvent[] = [
      { type: 'key', key: bytes('k'), dataType: 'stream', valueType: 27 },
      { type: 'entry', id: '1-1', fields: [bytes('a'), bytes('b')] },
      { type: 'stream', length: 1, ...ids, entriesAdded: 1n },
      group,
      pending('1-1', 5),
      { type: 'negative', id: '1-1' },
      { type: 'idempotence', duration: 100, most: 100 },
      { type: 'idempotence-counts', counts: [0n, 0n] },
      { type: 'key-end' },
      { type: 'end' },
    ];
    const writer = new RdbWriter({ magic: 'REDIS', version: 14 });
    for (const event of events) writer.write(event);
    const made = await forebay(['rdb', 'resp', '-', '--plain'], writer.take());
    expect(made.code).toBe(0);
    expect(made.stderr).toMatch(
      /^\S+ 1 pending entries left out that consumers released \(XNACK\): no command sets them\n$/,
    );
    expect(made.stdout.toString()).not.toMatch(/XCLAIM/);
  });
});

describe('a stream that is too large to be read twice', () => {
  it('loses pending entries of deleted messages, which are counted, and keeps the rest', async () => {
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
    const plain = { begin: () => {}, end: () => {}, add: (one: RdbElement) => void seen.push(one) };
    const streams = new PlainStreams(plain as unknown as PlainCommands, 10);
    const reader = new RdbReader({ level: 'raw' });
    reader.push(writer.take());
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.type === 'header') streams.header(event);
      else if (event.type === 'key') streams.begin(event);
      else if (event.type === 'raw') await streams.add(event.bytes);
      else if (event.type === 'key-end') await streams.end();
    }
    expect(streams.losses.deleted).toBe(2);
    expect(seen.filter(({ type }) => type === 'entry')).toHaveLength(3);
    expect(seen.filter(({ type }) => type === 'consumer-pending')).toEqual([
      { type: 'consumer-pending', id: '2-1' },
    ]);
  });
});
