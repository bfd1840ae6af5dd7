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

describe('after the outcome', () => {
  it('nothing more is taken', () => {
    const handshake = new ReplicaHandshake();
    handshake.push(bytesOf('junk\n'));
    while (handshake.next() !== undefined);
    expect(handshake.state).toBe('ended');
    expect(() => handshake.push(bytesOf('more'))).toThrow(PsyncError);
  });
});
