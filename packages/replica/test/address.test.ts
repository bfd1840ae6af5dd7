import { describe, expect, it } from 'vitest';
import type { Address } from '../src/index.ts';
import { describeEndpoint, parseAddress, Replica, ReplicaError } from '../src/index.ts';

const NOBODY = { username: undefined, password: undefined };

const GOOD: [url: string, address: Address][] = [
  ['redis://example.org', { kind: 'tcp', host: 'example.org', port: 6379, ...NOBODY }],
  ['redis://example.org:7000/', { kind: 'tcp', host: 'example.org', port: 7000, ...NOBODY }],
  ['redis://10.0.0.1:6380', { kind: 'tcp', host: '10.0.0.1', port: 6380, ...NOBODY }],
  ['redis://[::1]:6380', { kind: 'tcp', host: '::1', port: 6380, ...NOBODY }],
  ['redis://[2001:db8::1]', { kind: 'tcp', host: '2001:db8::1', port: 6379, ...NOBODY }],
  ['rediss://example.org', { kind: 'tls', host: 'example.org', port: 6379, ...NOBODY }],
  [
    'redis://:secret@h',
    { kind: 'tcp', host: 'h', port: 6379, username: undefined, password: 'secret' },
  ],
  ['redis://u:p@h:1', { kind: 'tcp', host: 'h', port: 1, username: 'u', password: 'p' }],
  ['redis://u@h', { kind: 'tcp', host: 'h', port: 6379, username: 'u', password: undefined }],
  [
    'redis://:p%40ss%2Fw%3Ard%25@h',
    { kind: 'tcp', host: 'h', port: 6379, username: undefined, password: 'p@ss/w:rd%' },
  ],
  [
    'redis://:%C3%A9%F0%9F%94%91@h',
    { kind: 'tcp', host: 'h', port: 6379, username: undefined, password: 'é🔑' },
  ],
  [
    'rediss://a%3Ab:c@[::1]',
    { kind: 'tls', host: '::1', port: 6379, username: 'a:b', password: 'c' },
  ],
  ['unix:///run/redis.sock', { kind: 'unix', path: '/run/redis.sock', ...NOBODY }],
  ['unix:///tmp/with%20space', { kind: 'unix', path: '/tmp/with space', ...NOBODY }],
  [
    'unix://u:p%2F@/run/redis.sock',
    { kind: 'unix', path: '/run/redis.sock', username: 'u', password: 'p/' },
  ],
  [
    'unix://:p@/run/redis.sock',
    { kind: 'unix', path: '/run/redis.sock', username: undefined, password: 'p' },
  ],
];

const BAD = [
  '',
  'example.org',
  'example.org:6379',
  'http://example.org',
  'redis:',
  'redis://',
  'redis://:hunter2@',
  'redis://u:hunter2@h:65536',
  'redis://u:hunter2@h:port',
  'redis://u:hunter2@h:0',
  'redis://:hun#ter@example:1',
  'redis://hunter2#x@h',
  'redis://hunter2:1#x@h',
  'redis://hunter2:1?x@h',
  'redis://:hunter2@h#',
  'redis://:hunter2@h?db=1',
  'unix://:hunter2@/run/a#b',
  'redis://u:hunter2/@h',
  'redis://u:hunter2%@h',
  'redis://u:hunter2%zz@h',
  'redis://u:hunter2%ff@h',
  'hunter2:x@h',
  'unix://',
  'unix:///',
  'unix://run/redis.sock',
  'unix://u:hunter2@',
  'unix:///tmp/%zz',
];

describe('a URL', () => {
  it.each(GOOD)('%s is read', (url, address) => {
    expect(parseAddress(url)).toEqual(address);
    if (!url.startsWith('unix://u') && !url.startsWith('unix://:')) {
      expect(parseAddress(new URL(url))).toEqual(address);
    }
  });

  it.each(['redis://:p@h:65536', 'redis://h:0', 'rediss://[::1]:99999/'])(
    '%s is refused for its port, and not for its password',
    (url) => {
      expect(() => parseAddress(url)).toThrow(/the port is out of range: give 1 to 65535/);
    },
  );

  it.each(BAD)('%j is refused, and nothing of it is repeated', (url) => {
    for (const read of [() => parseAddress(url), () => new Replica({ url })]) {
      expect(read).toThrow(ReplicaError);
      expect(read).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
      expect(read).not.toThrow(/hunter2|example/);
    }
  });
});

describe('an endpoint in words', () => {
  it.each([
    ['redis://u:hunter2@h:7000', 'h:7000'],
    ['rediss://u:hunter2@[::1]', '[::1]:6379'],
    ['unix://u:hunter2@/run/redis.sock', '/run/redis.sock'],
  ])('of %s is %s', (url, words) => {
    expect(describeEndpoint(parseAddress(url))).toBe(words);
  });
});
