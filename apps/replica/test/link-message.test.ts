import { FeedError } from '@forebay/feed';
import { ReplicaError, type TlsFault } from '@forebay/replica';
import { expect, it } from 'vitest';
import { linkMessageOf } from '../src/link-message.ts';

it.each([
  ['expected', 'fault (--tls)'],
  ['not-spoken', 'fault (without --tls)'],
  ['unknown-authority', 'fault (--cacert)'],
  ['other-name', 'fault (--sni)'],
  ['no-client-certificate', 'fault (--cert, --key)'],
  ['expired', 'fault'],
] satisfies [TlsFault, string][])(
  'a link with the TLS fault %s is reported with the flags that correct it',
  (tlsFault, message) => {
    const error = new ReplicaError('TLS', 'fault', { tlsFault });
    expect(linkMessageOf(error)).toBe(message);
    expect(linkMessageOf(new FeedError('LINK', 'fault', { cause: error }))).toBe(message);
  },
);

it('an error that is not a TLS fault is reported unchanged', () => {
  expect(linkMessageOf(new ReplicaError('LINK_LOST', 'closed'))).toBe('closed');
  expect(linkMessageOf(new Error('fault', { cause: 'none' }))).toBe('fault');
});
