import type { Boundary } from '@forebay/psync';
import { endOffsetOf, placeOf } from '../increment/preamble.ts';
import { RECORD_SIZE } from '../index-file/record.ts';
import type { Increment, Manifest } from '../manifest/manifest.ts';
import type { Finding } from './finding.ts';
import { fileNamed } from './finding.ts';
import type { Flip } from './flipped-bit.ts';

/** A file of stream and its index, and what the manifest says of them. */
export interface Stretch {
  readonly increment: Increment;
  /** Offset of the last byte that it is to hold; absent for the file that is written to, or was last. */
  readonly end?: number;
  /** The database that the next file begins with; absent for the last of a segment, which may be torn. */
  readonly nextDatabase?: number;
  /** Bytes of the file at a clean close; absent where there was none. */
  readonly closedSize?: number;
  /** Of the last increment of a copy: what the manifest says of its end. */
  readonly copied?: Pick<Manifest, 'closedSize' | 'limit'>;
}

/** What has become of it. */
export interface StretchState {
  readonly findings: readonly Finding[];
  /** Where the stream is to be cut, before its first damage; absent where it is whole. */
  readonly cut?: Boundary;
  /** Where the stream may be cut after its last damage, from where on nothing is wrong; absent where it is not known. */
  readonly resume?: Boundary;
  /** Offset of the last byte that the next start goes on from, where nothing is to be cut. */
  readonly end: number;
  /** Whether there are bytes after that, which another run of the machine wrote and nothing vouches for. */
  readonly isDoubted: boolean;
  /** One for each span whose CRC matches when that bit is corrected; each is also a damage. */
  readonly flips: readonly Flip[];
  readonly hasPreamble: boolean;
  readonly hasIndex: boolean;
  readonly commands: number;
  readonly spans: number;
}

/** Offset of the last byte that a stretch has to hold; undefined where nobody said. */
export function expectedEnd({ increment, end, closedSize }: Stretch): number | undefined {
  if (end !== undefined || closedSize === undefined) return end;
  return endOffsetOf(increment, closedSize);
}

/** Findings of one kind in one file that are told one by one. */
const MOST = 10;

/** Gathers what is wrong with a stretch. */
export class StretchNotes {
  readonly findings: Finding[] = [];
  readonly flips: Flip[] = [];
  readonly increment: Increment;
  cut: Boundary | undefined;
  resume: Boundary | undefined;
  hasPreamble = true;
  hasIndex = true;
  #damages = 0;

  constructor(increment: Increment) {
    this.increment = increment;
  }

  /** The byte at `offset` of the stream, or one after it, is bad; up to `safe` nothing is. */
  damage(
    offset: number,
    what: string,
    safe: Boundary,
    place: number = placeOf(this.increment, offset),
  ): void {
    this.cut ??= safe;
    this.resume = undefined;
    this.#damages++;
    const file = fileNamed(this.increment.name);
    if (this.#damages < MOST) this.findings.push({ severity: 'error', file, place, offset, what });
    else if (this.#damages === MOST) {
      const more = 'there is more from here on, which is not listed';
      this.findings.push({ severity: 'error', file, place, offset, what: more });
    }
  }

  /** Record `number`, from 0 on, is not to be used. The first one is told. */
  indexDamage(number: number, what: string): void {
    const file = fileNamed(this.increment.index);
    if (this.hasIndex) {
      this.findings.push({ severity: 'error', file, place: number * RECORD_SIZE, what });
    }
    this.hasIndex = false;
  }

  /** The SELECT at the beginning of the file is none, from `place` on. */
  preambleDamage(place: number, what: string): void {
    const file = fileNamed(this.increment.name);
    this.findings.push({ severity: 'error', file, place, what });
    this.hasPreamble = false;
  }

  warning(offset: number, what: string): void {
    const { increment } = this;
    const place = placeOf(increment, offset);
    const file = fileNamed(increment.name);
    this.findings.push({ severity: 'warning', file, place, offset, what });
  }
}
