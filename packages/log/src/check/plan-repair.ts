import type { Position } from '@forebay/psync';
import { positionIn } from '../manifest/lineage.ts';
import type { Base, Increment, Manifest, PastSegment, Segment } from '../manifest/manifest.ts';
import {
  baseName,
  incrementName,
  indexName,
  lastIncrement,
  startOf,
} from '../manifest/manifest.ts';
import type { Examined } from './check.ts';
import type { Corrected } from './correct-bits.ts';
import type { Flip } from './flipped-bit.ts';
import type { BaseCopy, Remake } from './remake.ts';
import type { StretchState } from './stretch.ts';

/** A stretch of stream that is not held any longer: what came after `from`, up to `to`. */
export interface Lost {
  readonly from: Position;
  readonly to: Position;
}

/** What a repair comes to. */
export interface RepairPlan {
  readonly manifest: Manifest;
  readonly remakes: readonly Remake[];
  readonly copies: readonly BaseCopy[];
  /** Whose SELECT is to be written anew. */
  readonly preambles: readonly Increment[];
  /** What is done, for whoever asked for it. */
  readonly done: readonly string[];
  readonly lost: readonly Lost[];
}

/** Why a log cannot be repaired, and what to do. */
export interface Refusal {
  readonly refused: string;
}

/**
 * What is kept of a damaged log. Of the live history it is what leads from a base that is whole up to
 * the first damage; of the past it is the segments that are whole. An index is made anew where the
 * stream has no damage, and a file with flipped bits that are corrected.
 */
export function planRepair(
  manifest: Manifest,
  corrected: Pick<Corrected, 'examined' | 'flips'>,
  nextSequence: () => number,
): RepairPlan | Refusal {
  if (corrected.examined.contradictions.length > 0) {
    return { refused: 'the manifest contradicts itself: put a copy of it back' };
  }
  const plan = new Planning(manifest, corrected, nextSequence);
  return plan.run();
}

class Planning {
  readonly #manifest: Manifest;
  readonly #examined: Examined;
  readonly #flips: ReadonlyMap<string, readonly Flip[]>;
  readonly #nextSequence: () => number;
  readonly #remakes: Remake[] = [];
  readonly #copies: BaseCopy[] = [];
  readonly #preambles: Increment[] = [];
  readonly #done: string[] = [];
  readonly #lost: Lost[] = [];

  constructor(
    manifest: Manifest,
    { examined, flips }: Pick<Corrected, 'examined' | 'flips'>,
    nextSequence: () => number,
  ) {
    this.#manifest = manifest;
    this.#examined = examined;
    this.#flips = flips;
    this.#nextSequence = nextSequence;
  }

  run(): RepairPlan | Refusal {
    const { live, past, ...others } = this.#manifest;
    const { badBases } = this.#examined;
    const starts = new Set(live.increments.map(({ startOffset }) => startOffset));
    const isWhole = ({ name, offset }: Base) => !badBases.has(name) && starts.has(offset);
    const base = live.bases.find(isWhole);
    if (base === undefined) return { refused: NO_BASE };
    const kept = this.#keptLive(base);
    const manifest: Manifest = {
      live: kept,
      past: past.flatMap((segment) => this.#keptPast(segment)),
      // The file that this was said of is another one now.
      ...(lastIncrement(kept).name === lastIncrement(live).name ? others : {}),
    };
    const [remakes, copies, preambles] = [this.#remakes, this.#copies, this.#preambles];
    return { manifest, remakes, copies, preambles, done: this.#done, lost: this.#lost };
  }

  #keptLive(first: Base): Segment {
    const { live } = this.#manifest;
    const { badBases } = this.#examined;
    const begin = live.increments.findIndex(({ startOffset }) => startOffset === first.offset);
    const damaged = live.increments.findIndex((each) => this.#stateOf(each).cut !== undefined);
    // Before the first base that is whole there may be readers; where it is damaged, nobody gets through.
    const from = damaged !== -1 && damaged < begin ? begin : 0;
    const last = live.increments.findIndex(
      (each, i) => i >= from && this.#stateOf(each).cut !== undefined,
    );
    const whole = live.increments.slice(from, last === -1 ? undefined : last);
    const increments = whole.map((each) => this.#keptIncrement(each));
    const torn = live.increments[last];
    const cut = torn && this.#stateOf(torn).cut;
    const end = cut?.offset ?? Infinity;
    if (torn !== undefined) increments.push(this.#headOf(torn, end));
    const bases = live.bases.filter(({ name, offset }) => !badBases.has(name) && offset <= end);
    const start = live.increments[from]?.startOffset ?? startOf(live);
    this.#tell(live, start, end, bases);
    const [head = live.increments[0], ...others] = increments;
    // The ids stay, as after a power cut: what is left is the beginning of the history that they name.
    return { ...live, bases: this.#keptBases(bases), increments: [head, ...others] };
  }

  #tell(live: Segment, start: number, end: number, bases: readonly Base[]): void {
    const held = this.#stateOf(lastIncrement(live)).end;
    if (start > startOf(live)) {
      this.#lose(live, startOf(live), start);
      this.#done.push(`what came before offset ${start} is moved aside: no base leads through it`);
    }
    if (end !== Infinity) {
      this.#lose(live, end, Math.max(end, held));
      this.#done.push(`the history ends at offset ${end} now; what came after it is moved aside`);
    }
    for (const { name, offset } of live.bases) {
      if (offset > end || bases.some((each) => each.name === name)) continue;
      this.#done.push(`the base ${name} at offset ${offset} is moved aside`);
    }
  }

  #keptPast(segment: PastSegment): PastSegment[] {
    const { badBases } = this.#examined;
    const isBad =
      segment.bases.some(({ name }) => badBases.has(name)) ||
      segment.increments.some((each) => this.#stateOf(each).cut !== undefined);
    if (isBad) {
      const { number, end } = segment;
      this.#lose(segment, startOf(segment), end);
      const range = `offsets ${startOf(segment)} to ${end}`;
      this.#done.push(`segment ${number} of the past, ${range}, is moved aside`);
      return [];
    }
    const [first, ...others] = segment.increments;
    const increments = others.map((each) => this.#keptIncrement(each));
    const bases = this.#keptBases(segment.bases);
    return [{ ...segment, bases, increments: [this.#keptIncrement(first), ...increments] }];
  }

  #keptBases(bases: readonly Base[]): Base[] {
    return bases.map((base) => {
      const [flip] = this.#flips.get(base.name) ?? [];
      if (flip === undefined) return base;
      const to = { ...base, name: baseName(this.#nextSequence()) };
      this.#copies.push({ from: base, to });
      this.#tellCorrected(base.name, flip, to.name);
      return to;
    });
  }

  #tellCorrected(name: string, { place, bit, offset }: Flip, to: string): void {
    const at = offset === undefined ? '' : ` (offset ${offset})`;
    this.#done.push(
      `flipped bit ${bit} of byte ${place}${at} of ${name} back: its CRC matches again; the corrected file is ${to}`,
    );
  }

  /** An increment whose stream has no damage. */
  #keptIncrement(increment: Increment): Increment {
    const { hasIndex, hasPreamble, end, isDoubted } = this.#stateOf(increment);
    if (this.#flips.has(increment.name)) return this.#headOf(increment, end);
    if (hasIndex && hasPreamble) return increment;
    if (isDoubted) {
      this.#done.push(`${increment.name} is made anew, up to offset ${end}`);
      return this.#headOf(increment, end);
    }
    if (!hasPreamble) {
      this.#preambles.push(increment);
      this.#done.push(`the SELECT that ${increment.name} begins with is written anew`);
      if (hasIndex && !this.#isOpen(increment)) return increment;
    }
    const to = { ...increment, index: indexName(this.#nextSequence()) };
    this.#remakes.push({ from: increment, to, end });
    this.#done.push(
      `the index of ${increment.name} is made anew from the framing of its commands, as ${to.index}`,
    );
    return to;
  }

  /** Whether it is told by the times of the two files who wrote what the index does not speak of. */
  #isOpen(increment: Increment): boolean {
    const { live, closedSize } = this.#manifest;
    return increment === lastIncrement(live) && closedSize === undefined;
  }

  /** What an increment holds up to `end`. Its number stays: servers want them to go up. */
  #headOf(increment: Increment, end: number): Increment {
    const number = this.#nextSequence();
    const to = { ...increment, name: incrementName(number), index: indexName(number) };
    this.#remakes.push({ from: increment, to, end });
    for (const flip of this.#flips.get(increment.name) ?? []) {
      if ((flip.offset ?? 0) <= end) this.#tellCorrected(increment.name, flip, to.name);
    }
    return to;
  }

  #stateOf({ name }: Increment): StretchState {
    return this.#examined.stretches.get(name)!;
  }

  #lose(segment: Segment, from: number, to: number): void {
    if (from === to) return;
    this.#lost.push({ from: positionIn(segment, from), to: positionIn(segment, to) });
  }
}

const NO_BASE =
  'no base of the history that is followed is whole, and without one no server can be booted. ' +
  'Put a copy of it back; or begin anew in an empty directory, with a full copy from the primary';
