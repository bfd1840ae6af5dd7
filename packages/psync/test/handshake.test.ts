import { bytesOf } from '@forebay/testkit';
import { describe, expect, it } from 'vitest';
import type { ReplicaHandshakeOptions } from '../src/index.ts';
import { BLANK_ID, PsyncError, ReplicaHandshake } from '../src/index.ts';

describe('what cannot be asked', () => {
  const refused: [string, ReplicaHandshakeOptions][] = [
    ['a port past the last', { listeningPort: 65536 }],
    ['a port below the first', { listeningPort: -1 }],
    ['a user without a password', { username: 'ann' }],
    ['a resume in no history', { resume: { id: BLANK_ID, offset: 1 } }],
    ['a resume under an id of another length', { resume: { id: 'abc', offset: 1 } }],
    ['a resume at an offset that is none', { resume: { id: 'a'.repeat(40), offset: 1.5 } }],
    ['a resume of a snapshot', { resume: { id: 'a'.repeat(40), offset: 1 }, rdbOnly: true }],
  ];

  it.each(refused)('%s', (_, options) => {
    expect(() => new ReplicaHandshake(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});

describe('PSYNC', () => {
  it('never goes out before each REPLCONF has its reply', () => {
    const handshake = new ReplicaHandshake();
    const drained = () => {
      const types: string[] = [];
      for (let event = handshake.next(); event; event = handshake.next()) types.push(event.type);
      return types;
    };
    expect(drained()).toEqual(['send']);
    handshake.push(bytesOf('+PONG\r\n'));
    expect(drained()).toEqual(['send']);
    handshake.push(bytesOf('+OK\r\n+OK\r\n'));
    expect(drained()).toEqual([]);
    expect(handshake.state).toBe('replconf');
    handshake.push(bytesOf('+OK\r\n'));
    expect(drained()).toEqual(['send']);
    expect(handshake.state).toBe('psync');
  });
});

describe('a handshake that has its report', () => {
  const INFO = 'role:master\r\n';
  const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' });

  function reported(): ReplicaHandshake {
    const handshake = new ReplicaHandshake({ askReport: true });
    handshake.push(bytesOf(`+PONG\r\n+OK\r\n+OK\r\n+OK\r\n$${INFO.length}\r\n${INFO}\r\n`));
    expect(() => handshake.ask(undefined)).toThrow(refused);
    while (handshake.next() !== undefined);
    return handshake;
  }

  it('waits for the word of its caller, which it takes once', () => {
    const handshake = reported();
    expect(handshake.state).toBe('report');
    handshake.ask({ id: 'a'.repeat(40), offset: 99 });
    expect(handshake.state).toBe('psync');
    expect(handshake.next()).toMatchObject({ type: 'send' });
    expect(() => handshake.ask(undefined)).toThrow(refused);
  });

  it.each([
    ['in no history', { id: BLANK_ID, offset: 1 }],
    ['at an offset that is none', { id: 'a'.repeat(40), offset: -1 }],
  ])('refuses to resume %s, and still waits', (_, resume) => {
    const handshake = reported();
    expect(() => handshake.ask(resume)).toThrow(refused);
    expect(handshake.state).toBe('report');
  });

  it('may not be asked after the end', () => {
    const handshake = reported();
    handshake.push(bytesOf('+CONTINUE\r\n'));
    while (handshake.next() !== undefined);
    expect(() => handshake.ask(undefined)).toThrow(expect.objectContaining({ code: 'ENDED' }));
  });
});

describe('after the outcome', () => {
  it('nothing more is taken', () => {
    const handshake = new ReplicaHandshake();
    handshake.push(bytesOf('junk\n'));
    while (handshake.next() !== undefined);
    expect(handshake.state).toBe('ended');
    expect(() => handshake.push(bytesOf('more'))).toThrow(PsyncError);
  });
});
