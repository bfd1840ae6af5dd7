import type { ReplicaOptions, Timeouts } from '@forebay/replica';
import type { Candidate } from '../../config/candidate.ts';
import { readSecret } from '../../config/named-files.ts';
import type { ReplicaConfig } from '../../config.ts';
import { acceptedBy } from '../verified-snapshot.ts';
import type { World } from '../world.ts';

/** The options of a replica of `upstream` under a configuration. */
export function replicaOptions(
  upstream: Candidate,
  config: ReplicaConfig,
  { clock, network }: World,
): ReplicaOptions {
  const { tls, announcedPort, announcedAddress, announcedVersion: version, timeout } = config;
  return {
    ...network,
    clock,
    ...targetOf(upstream),
    tls,
    ...(announcedPort === undefined ? {} : { listeningPort: announcedPort }),
    version,
    acceptedSnapshots: acceptedBy(config.acceptUnverified),
    timeouts: timeoutsOf(timeout),
    ...(announcedAddress === undefined ? {} : { announcedAddress }),
  };
}

/** One timeout, in milliseconds, for all phases of a link. */
export function timeoutsOf(timeout: number): Timeouts {
  return { connect: timeout, handshake: timeout, transfer: timeout, idle: timeout };
}

/** The server, and the credentials for it; a password file is read before each attempt. */
export function targetOf({
  endpoint,
  username,
  password: known,
  passwordFile,
}: Candidate): Pick<ReplicaOptions, 'url' | 'username' | 'password'> {
  const password =
    passwordFile === undefined ? known : () => readSecret('FOREBAY_MASTERAUTH_FILE', passwordFile);
  return {
    url: endpoint,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}
