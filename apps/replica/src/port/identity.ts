import type { ReportedServer } from '@forebay/psync';
import type { Identity } from '@forebay/resp-server';

/** Reported before the primary is known, or if INFO is not permitted. */
const UNKNOWN: ReportedServer = { flavour: 'redis', version: '7.4.0', redisVersion: '7.4.0' };

/** The server that the port answers as: the primary, as each of its replicas of the same version would. */
export function answeredAs(primary: ReportedServer | undefined): ReportedServer {
  return primary ?? UNKNOWN;
}

/** The same for HELLO, as it is at each call of `primary`. */
export function identityOf(primary: () => ReportedServer | undefined): Identity {
  return {
    get server() {
      return answeredAs(primary()).flavour;
    },
    get version() {
      return answeredAs(primary()).version;
    },
  };
}
