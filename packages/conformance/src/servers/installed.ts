import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConformanceError } from '../errors.ts';

/** Which of the three projects a server comes from. */
export type Flavour = 'redis' | 'redict' | 'valkey';

/** A server of this machine, how its programs are started, and what it knows. */
export interface InstalledServer extends Abilities {
  /** Flavour and release series, such as `redis-7.0`; also what tests are named after. */
  readonly name: string;
  readonly flavour: Flavour;
  /** As the binary tells it: `7.0.15`. */
  readonly version: string;
  /** The command line, without any argument of its own. */
  readonly server: readonly string[];
  readonly cli: readonly string[];
  readonly checkRdb: readonly string[];
  readonly benchmark: readonly string[];
  readonly sentinel: readonly string[];
}

/** What a server knows, by the version that brought it. */
export interface Abilities {
  /** The multi-part append-only layout: all but Redis 6. */
  readonly multipart: boolean;
  /** Functions, FUNCTION LIST, FCALL. */
  readonly functions: boolean;
  /** PEXPIRETIME; and the stream has absolute times only. */
  readonly absoluteTimes: boolean;
  /** COPY, LMOVE, GETEX, XAUTOCLAIM, `rdb-only`, FAILOVER: what 6.2 brought. */
  readonly since62: boolean;
  /** Must be told `enable-debug-command` before DEBUG answers. */
  readonly debugIsGuarded: boolean;
  /** WAITAOF, FACK. */
  readonly waitaof: boolean;
  readonly acl: boolean;
  /** Times to live of hash fields: HPEXPIRE and HPEXPIRETIME. */
  readonly fieldTtl: boolean;
  /** The two-connection full sync of Redis (`capa rdb-channel-repl`). */
  readonly rdbChannel: boolean;
  /** The two-connection full sync of Valkey (`capa dual-channel`). */
  readonly dualChannel: boolean;
  readonly tls: boolean;
}

/**
 * The servers that `scripts/servers.mjs` has put in place, oldest first. Read synchronously, for
 * `describe.each`. The list is empty, and a warning printed, where there are none.
 *
 * `servers.json` is looked for in the folder that FOREBAY_SERVERS names; without it, in `.servers`
 * of each folder from this file's upward.
 */
export function installedServers(): InstalledServer[] {
  const path = listPath();
  if (path === undefined) {
    console.warn('no servers.json: run `node scripts/servers.mjs` first; nothing is tested');
    return [];
  }
  const listed = JSON.parse(readFileSync(path, 'utf8')) as Listed[];
  return listed.flatMap((entry) => {
    if (entry.unavailable !== undefined || entry.server === undefined) return [];
    return [{ ...entry, ...abilitiesOf(entry.flavour, entry.version) } as InstalledServer];
  });
}

/**
 * The installed server of that name.
 *
 * @throws {ConformanceError} `NO_SUCH_SERVER`
 */
export function installedServer(name: string): InstalledServer {
  const servers = installedServers();
  const found = servers.find((server) => server.name === name);
  if (found !== undefined) return found;
  const names = servers.map((server) => server.name).join(', ');
  throw new ConformanceError('NO_SUCH_SERVER', `${name} is not installed; there are: ${names}`);
}

/** A program beside the servers, how it is started, by what it is called; undefined: it is not there. */
export function installedTool(name: string): readonly string[] | undefined {
  const servers = listPath();
  const path = servers === undefined ? undefined : join(dirname(servers), 'tools.json');
  if (path === undefined || !existsSync(path)) return undefined;
  const listed = JSON.parse(readFileSync(path, 'utf8')) as { name: string; command?: string[] }[];
  return listed.find((tool) => tool.name === name)?.command;
}

/** What a version knows. Redict counts on from Redis 7.2, Valkey from there to 8.0. */
export function abilitiesOf(flavour: Flavour, version: string): Abilities {
  const redis = (least: string): boolean => flavour === 'redis' && atLeast(version, least);
  const valkey = (least: string): boolean => flavour === 'valkey' && atLeast(version, least);
  const since7 = atLeast(version, '7.0');
  return {
    multipart: since7,
    functions: since7,
    absoluteTimes: since7,
    since62: atLeast(version, '6.2'),
    debugIsGuarded: since7,
    waitaof: atLeast(version, '7.2'),
    acl: atLeast(version, '6.0'),
    fieldTtl: redis('7.4') || valkey('9.0'),
    rdbChannel: redis('8.0'),
    dualChannel: valkey('8.0'),
    // Debian builds each of them with it; one of PATH that was not says so when TLS is asked for.
    tls: atLeast(version, '6.0'),
  };
}

/** Whether a version such as `7.0.15` is `least` (`7.0`) or later. */
export function atLeast(version: string, least: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = least.split('.').map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

interface Listed {
  readonly flavour: Flavour;
  readonly version: string;
  readonly server?: readonly string[];
  readonly unavailable?: string;
}

function listPath(): string | undefined {
  const named = process.env.FOREBAY_SERVERS;
  if (named !== undefined && named !== '') {
    const path = join(named, 'servers.json');
    return existsSync(path) ? path : undefined;
  }
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const path = join(folder, '.servers', 'servers.json');
    if (existsSync(path)) return path;
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}
