import { ScriptedPrimary } from '@forebay/conformance';
import { BLANK_ID, StreamTracker, startHistory } from '@forebay/psync';
import { describe, expect, it } from 'vitest';
import type { ReplicaOptions } from '../src/index.ts';
import { probe, Replica, ReplicaError } from '../src/index.ts';
import { ID } from './payloads.ts';

const history = startHistory(ID);
const secure = 'rediss://127.0.0.1';

const BAD: [name: string, options: Partial<ReplicaOptions>][] = [
  ['a port of no machine', { url: { kind: 'tcp', host: 'localhost', port: 65536 } }],
  ['a port that is no number', { url: { kind: 'tls', host: 'localhost', port: Number.NaN } }],
  ['a port to be announced that is none', { listeningPort: 65536 }],
  ['a resume under no id', { resume: { history: { ...history, id: 'short' }, offset: 0 } }],
  ['a resume under the blank id', { resume: { history: { ...history, id: BLANK_ID }, offset: 0 } }],
  ['a resume at a negative offset', { resume: { history, offset: -1 } }],
  ['a resume at half a byte', { resume: { history, offset: 0.5 } }],
  [
    'a tracker of another offset',
    { resume: { history, offset: 5, stream: new StreamTracker({ offset: 6 }) } },
  ],
  ['a CA that is no certificate', { url: secure, tls: { ca: '-----BEGIN CERTIFICATE-----\nx' } }],
  ['a client certificate that is none', { url: secure, tls: { cert: 'x', key: 'y' } }],
  ['a user without a password', { url: 'redis://ann@127.0.0.1' }],
  ['a back-off that does not wait', { backoff: { initialDelay: 0 } }],
  [
    'a snapshot alone that goes on from somewhere',
    { resume: { history, offset: 5 }, rdbOnly: true },
  ],
  ['a buffer of no bytes', { bufferSize: 0 }],
  ['a buffer of NaN bytes', { bufferSize: Number.NaN }],
];

describe('an option that cannot be used', () => {
  it.each(BAD)('%s: it is refused when the replica is made', (_, options) => {
    const make = () => new Replica({ url: 'redis://:hunter2@127.0.0.1', ...options });
    expect(make).toThrow(ReplicaError);
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(make).not.toThrow(/hunter2/);
  });
});

describe('a replica', () => {
  it('knows its place before it begins', () => {
    const replica = new Replica({ url: 'redis://127.0.0.1', resume: { history, offset: 5 } });
    expect(replica).toMatchObject({ state: 'idle', history, offset: 5 });
    const blank = new Replica({ url: 'redis://127.0.0.1' });
    expect(blank).toMatchObject({ state: 'idle', history: undefined, offset: undefined });
  });

  it('gives its items once', async () => {
    const replica = new Replica({ url: 'redis://127.0.0.1' });
    await replica.detach();
    const items: unknown[] = [];
    for await (const item of replica) items.push(item);
    expect(items).toEqual([]);
    await expect(replica[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });
});

describe('a password that is a function', () => {
  const passwords = ['first', 'second'];

  it('is called before each attempt, and an error it throws ends only that attempt', async () => {
    const asked: string[] = [];
    await using primary = await ScriptedPrimary.listen(async (peer) => {
      asked.push(passwords[asked.length] ?? '');
      await peer.handshake({ password: [asked.at(-1) ?? ''] });
      peer.end();
    });
    let calls = 0;
    const password = () => {
      calls++;
      if (calls === 1) throw new Error('no such file');
      return passwords[calls - 2] ?? '';
    };
    await using replica = new Replica({
      ...{ url: `redis://127.0.0.1:${primary.port}`, password },
      backoff: { initialDelay: 1 },
    });
    const errors: string[] = [];
    replica.on('attempt-ended', ({ code, message }) => {
      errors.push(`${code} ${message}`);
      if (errors.length === 3) void replica.detach();
    });
    for await (const _ of replica);
    expect(errors[0]).toMatch(/^INVALID_OPTION cannot read the password: no such file/);
    expect(asked).toEqual(passwords);
  });

  it('is called for each probe', async () => {
    const password = () => {
      throw new Error('no such file');
    };
    await expect(probe({ url: 'redis://127.0.0.1', password })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });
});
