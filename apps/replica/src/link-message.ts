import type { TlsFault } from '@forebay/replica';
import { ReplicaError } from '@forebay/replica';

/** The flags of forebay that correct a TLS fault. */
const FLAGS: Readonly<Partial<Record<TlsFault, string>>> = {
  expected: '--tls',
  'not-spoken': 'without --tls',
  'unknown-authority': '--cacert',
  'other-name': '--sni',
  'no-client-certificate': '--cert, --key',
};

/** The message of an error of a link, or of an error caused by one, with the flags that correct the fault. */
export function linkMessageOf(error: Error): string {
  const { tlsFault } = [error, error.cause].find((each) => each instanceof ReplicaError) ?? {};
  const flags = tlsFault && FLAGS[tlsFault];
  return flags === undefined ? error.message : `${error.message} (${flags})`;
}
