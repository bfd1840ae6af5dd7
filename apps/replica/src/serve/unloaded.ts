import { serversThatLoad } from '@forebay/rdb';

const NAMES = { redis: 'Redis', redict: 'Redict', valkey: 'Valkey' } as const;
const UNKNOWN = 'see the log of the replica';
/** Valkey from 9.1 on writes the RDB that a replica of the announced version loads. */
const ADVICE =
  'with --announce-version 8.1.0 a primary of Valkey 9.1 sends forebay an older RDB version';

/**
 * The likely reason why a replica does not load what it is sent, for people.
 *
 * @param format what the snapshot begins with, such as `REDIS0012`
 * @param version of the replica, as it announced it: Valkey from 8.0 on
 */
export function unloadedReason(format = '', version: string | undefined): string {
  const [, magic, digits] = /^(REDIS|VALKEY)(\d+)$/.exec(format) ?? [];
  if (magic !== 'REDIS' && magic !== 'VALKEY') return UNKNOWN;
  const rdb = { magic, version: Number(digits) } as const;
  const loaders = serversThatLoad(rdb);
  const known = loaders.map(({ server, since }) => `${NAMES[server]} ${since}`).join(', ');
  const base = `the base is ${magic} RDB ${rdb.version}, loaded by ${known === '' ? 'no known server' : `${known} and later`}`;
  if (version === undefined) return `${base}; the replica announces no version; ${UNKNOWN}`;
  const since = loaders.find(({ server }) => server === 'valkey')?.since;
  const isOld = since === undefined || isBefore(version, since);
  const advice = isOld && magic === 'VALKEY' ? `; ${ADVICE}` : '';
  return `${base}; the replica announces version ${version}${isOld ? advice : `; ${UNKNOWN}`}`;
}

function isBefore(version: string, since: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [sinceMajor = 0, sinceMinor = 0] = since.split('.').map(Number);
  return major < sinceMajor || (major === sinceMajor && minor < sinceMinor);
}
