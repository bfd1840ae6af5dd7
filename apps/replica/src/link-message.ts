import type { TlsFault } from '@forebay/replica';
import { ReplicaError } from '@forebay/replica';

/** The options of forebay that mend a link which could not be secured. */
const FLAGS: Readonly<Partial<Record<TlsFault, string>>> = {
  expected: '--tls',
  'not-spoken': 'without --tls',
  'unknown-authority': '--cacert',
  'other-name': '--sni',
  'no-client-certificate': '--cert, --key',
};

/** The message of an error of a link, or of one that it caused, with the options that mend it. */
export function linkMessageOf(error: Error): string {
  const { tlsFault } = [error, error.cause].find((each) => each instanceof ReplicaError) ?? {};
  const flags = tlsFault && FLAGS[tlsFault];
  return flags === undefined ? error.message : `${error.message} (${flags})`;
}
