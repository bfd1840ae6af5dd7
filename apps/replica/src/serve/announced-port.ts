import { isIPv4, isIPv6 } from 'node:net';
import type { Reporter } from '../reporter.ts';

/** Where replicas are served. */
export interface Place {
  /** An address, or a name that was given in place of one. */
  readonly host: string;
  readonly port: number;
}

/** The port announced to the primary, which shows it with the local address of the link to Sentinels and tools. */
export class AnnouncedPort {
  readonly #reporter: Reporter;
  /** The last address for which the missing announcement was logged. */
  #said: string | undefined;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /**
   * The port of the first of `places` that covers `local`, the local address of a link (undefined for a unix socket);
   * 0: none.
   */
  over(local: string | undefined, places: readonly Place[]): number {
    const place = places.find(({ host }) => local === undefined || covers(host, local));
    if (place !== undefined) return place.port;
    const [first] = places;
    if (first !== undefined && this.#said !== local) this.#tell(first.port, String(local), places);
    return 0;
  }

  #tell(port: number, local: string, places: readonly Place[]): void {
    this.#said = local;
    const hosts = [...new Set(places.map(({ host }) => host))].join(', ');
    const reason = `the local address of the link is ${local}, but replicas are served only at ${hosts}`;
    this.#reporter.step(
      `port ${port} is not announced to the primary: ${reason}; set --bind to an address that other machines can reach, or ` +
        '--replica-announce-ip and --replica-announce-port',
      { event: 'port-not-announced', address: local, reason },
    );
  }
}

/** Whether a listener at `host` can be reached at `address`. */
function covers(host: string, address: string): boolean {
  const local = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (host === local || host === '::') return true;
  if (host === '0.0.0.0') return isIPv4(local);
  if (host === 'localhost') return local.startsWith('127.') || local === '::1';
  // A host name is resolved by the system: assume that it matches.
  return !isIPv4(host) && !isIPv6(host);
}
