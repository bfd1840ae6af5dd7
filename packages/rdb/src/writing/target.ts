import { RdbError } from '../format/errors.ts';
import type { RdbMagic } from '../format/events.ts';
import { NEWEST_VERSION } from '../format/versions.ts';

/** The form of RDB that is written: how it begins, which is also what it can say. */
export interface RdbTarget {
  readonly magic: RdbMagic;
  /** 6 to 14 with `REDIS`; 80 with `VALKEY`. */
  readonly version: number;
}

/**
 * Which version of RDB a release writes; each reads its own and all before it (`rdb.h`, RDB_VERSION). Redict
 * calls its own 12 since 7.3, but that has not what Redis' 12 has: 11 is all of it.
 */
const RELEASES: Readonly<Record<string, readonly (readonly [string, RdbTarget])[]>> = {
  redis: [
    ['8.8', { magic: 'REDIS', version: 14 }],
    ['8.6', { magic: 'REDIS', version: 13 }],
    ['7.4', { magic: 'REDIS', version: 12 }],
    ['7.2', { magic: 'REDIS', version: 11 }],
    ['7.0', { magic: 'REDIS', version: 10 }],
    ['5.0', { magic: 'REDIS', version: 9 }],
    ['4.0', { magic: 'REDIS', version: 8 }],
    ['3.2', { magic: 'REDIS', version: 7 }],
    ['2.6', { magic: 'REDIS', version: 6 }],
  ],
  redict: [['7.2', { magic: 'REDIS', version: 11 }]],
  valkey: [
    ['9.0', { magic: 'VALKEY', version: 80 }],
    ['7.2', { magic: 'REDIS', version: 11 }],
  ],
};

/**
 * The newest form of RDB that a server reads all of.
 *
 * @param version as `INFO` has it, such as `6.2.14` or `8.0`: 2.6 and later
 * @throws {RdbError} `INVALID_OPTION`
 */
export function rdbTargetOf(server: 'redis' | 'redict' | 'valkey', version: string): RdbTarget {
  const [major, minor = 0] = version.split('.').map(Number);
  const found = RELEASES[server]?.find(([since]) => {
    const [sinceMajor = 0, sinceMinor = 0] = since.split('.').map(Number);
    return major! > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
  });
  if (found !== undefined) return found[1];
  throw new RdbError('INVALID_OPTION', 0, `no RDB is known of ${server} ${version}`);
}

/** The oldest release of a server that loads a form of RDB. */
export interface RdbLoader {
  readonly server: 'redis' | 'redict' | 'valkey';
  /** Major and minor: `8.0`. */
  readonly since: string;
}

/** Which servers load a form of RDB, and since when; none where it is newer than all that are known here. */
export function serversThatLoad(form: RdbTarget): RdbLoader[] {
  const servers = Object.keys(RELEASES) as RdbLoader['server'][];
  return servers.flatMap((server) => {
    const since = RELEASES[server]!.findLast(([, own]) => loads(own, form))?.[0];
    return since === undefined ? [] : [{ server, since }];
  });
}

/** Whether a server that writes one form loads another. Valkey's 80 goes on from 11. */
function loads(own: RdbTarget, { magic, version }: RdbTarget): boolean {
  if (own.magic === magic) return own.version >= version;
  return own.magic === 'VALKEY' && version <= 11;
}

/** @throws {RdbError} `INVALID_OPTION` */
export function checkTarget({ magic, version }: RdbTarget): void {
  const isKnown =
    magic === 'VALKEY'
      ? version === NEWEST_VERSION.VALKEY
      : magic === 'REDIS' &&
        Number.isInteger(version) &&
        version >= 6 &&
        version <= NEWEST_VERSION.REDIS;
  if (isKnown) return;
  const message = `an RDB that begins with ${magic} and the version ${version} cannot be written`;
  throw new RdbError('INVALID_OPTION', 0, message);
}

/** What came later than RDB 6, by the version of it; Valkey's 80 goes on from 11 in its own way. */
export type Ability =
  | 'aux'
  | 'sizes'
  | 'nodes'
  | 'longLengths'
  | 'binaryScores'
  | 'modules'
  | 'streams'
  | 'moduleAux'
  | 'idle'
  | 'functions'
  | 'listpacks'
  | 'consumersActive'
  | 'slots'
  | 'fieldTimes'
  | 'idempotence'
  | 'metadata'
  | 'arrays';

const SINCE: Readonly<Record<Ability, number>> = {
  aux: 7,
  sizes: 7,
  nodes: 7,
  longLengths: 8,
  binaryScores: 8,
  modules: 8,
  streams: 9,
  moduleAux: 9,
  idle: 9,
  functions: 10,
  listpacks: 10,
  consumersActive: 11,
  slots: 12,
  fieldTimes: 12,
  idempotence: 13,
  metadata: 13,
  arrays: 14,
};

/** Whether the target can say it. */
export function can({ magic, version }: RdbTarget, ability: Ability): boolean {
  if (magic === 'VALKEY') return SINCE[ability] <= 11 || ability === 'fieldTimes';
  return version >= SINCE[ability];
}

/** The first version that reads a type: of those that both lines of servers read alike. */
const COMMON: ReadonlyMap<number, number> = new Map([
  ...[0, 1, 2, 3, 4, 9, 10, 11, 12, 13].map((type) => [type, 6] as const),
  [14, 7],
  [5, 8],
  [7, 8],
  [15, 9],
  [16, 10],
  [17, 10],
  [18, 10],
  [19, 10],
  [20, 11],
  [21, 11],
]);
const OF_REDIS: ReadonlyMap<number, number> = new Map([
  [22, 12],
  [23, 12],
  [24, 12],
  [25, 12],
  [26, 13],
  [27, 14],
  [28, 14],
]);

/** Whether the target reads a type of value, by its number in an RDB that begins with `magic`, as it is. */
export function reads(target: RdbTarget, magic: RdbMagic, valueType: number): boolean {
  const since = COMMON.get(valueType);
  if (since !== undefined) return target.version >= since;
  if (target.magic !== magic) return false;
  if (magic === 'VALKEY') return valueType === 22;
  return target.version >= (OF_REDIS.get(valueType) ?? Number.POSITIVE_INFINITY);
}
