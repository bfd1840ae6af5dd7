import type { Position } from '@forebay/psync';
import { nonEmpty } from '../changes/split.ts';
import { namesUpTo, positionIn } from '../manifest/lineage.ts';
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
 * What is kept of a damaged log. Of the live history it is each stretch between its damages to which a whole
 * base leads: the last one stays live, the others become past segments. Of a past segment it is what comes
 * before its first damage. An index is made anew where the
 * stream has no damage, and a file with flipped bits that are corrected.
 */
export function planRepair(
  manifest: Manifest,
  corrected: Pick<Corrected, 'examined' | 'flips'>,
  nextSequence: () => number,
  now: number,
): RepairPlan | Refusal {
  if (corrected.examined.contradictions.length > 0) {
    return { refused: 'the manifest contradicts itself: put a copy of it back' };
  }
  const plan = new Planning(manifest, corrected, nextSequence, now);
  return plan.run();
}

/** A stretch of the live segment that is kept, with what it is made of. */
interface Run {
  /** Offset of the last byte before its first. */
  readonly start: number;
  /** Offset of its last byte; Infinity where it goes up to the end. */
  readonly end: number;
  readonly bases: readonly Base[];
  /** What a damaged increment holds after the damage, at its beginning. */
  readonly rest: Remake | undefined;
  readonly whole: readonly Increment[];
  /** What a damaged increment holds before the damage, at its end. */
  readonly torn: Increment | undefined;
}

class Planning {
  readonly #manifest: Manifest;
  readonly #examined: Examined;
  readonly #flips: ReadonlyMap<string, readonly Flip[]>;
  readonly #nextSequence: () => number;
  readonly #now: number;
  readonly #remakes: Remake[] = [];
  readonly #copies: BaseCopy[] = [];
  readonly #preambles: Increment[] = [];
  readonly #done: string[] = [];
  readonly #lost: Lost[] = [];

  constructor(
    manifest: Manifest,
    { examined, flips }: Pick<Corrected, 'examined' | 'flips'>,
    nextSequence: () => number,
    now: number,
  ) {
    this.#manifest = manifest;
    this.#examined = examined;
    this.#flips = flips;
    this.#nextSequence = nextSequence;
    this.#now = now;
  }

  run(): RepairPlan | Refusal {
    const { live, past, ...others } = this.#manifest;
    const { badBases } = this.#examined;
    const starts = new Set(live.increments.map(({ startOffset }) => startOffset));
    const isWhole = ({ name, offset }: Base) => !badBases.has(name) && starts.has(offset);
    const bases = live.bases.filter(isWhole);
    const [first] = bases;
    if (first === undefined) return { refused: NO_BASE };
    // What a step back took away is restored by what comes before it in the segment that it was taken from.
    const runs =
      past.at(-1)?.by === 'rewound' ? [this.#runFrom(first, false)] : this.#runsOf(bases);
    const pieces = runs.map((run) => ({ ...run, increments: this.#incrementsOf(run) }));
    const last = pieces.pop()!;
    this.#tell(live, runs);
    const kept = { ...live, bases: this.#keptBases(last.bases), increments: last.increments };
    const numbers = [live, ...past].map(({ number }) => number);
    const given = pieces.map(({ bases, increments, end }, i): PastSegment => {
      const reason = `damage at offsets ${end + 1} to ${runs[i + 1]!.start} was given up`;
      const number = Math.max(...numbers) + 1 + i;
      const names = namesUpTo(live, end);
      const ending = { by: 'reset', end, ended: this.#now, reason } as const;
      return { ...names, number, bases: this.#keptBases(bases), increments, ...ending };
    });
    const manifest: Manifest = {
      live: kept,
      past: [...past.flatMap((segment, i) => this.#keptPast(segment, past[i - 1])), ...given],
      // The file that this was said of is another one now.
      ...(lastIncrement(kept).name === lastIncrement(live).name ? others : {}),
    };
    const [remakes, copies, preambles] = [this.#remakes, this.#copies, this.#preambles];
    return { manifest, remakes, copies, preambles, done: this.#done, lost: this.#lost };
  }

  /** The stretches of a segment between its damages that can be restored, in their order; one for each base or more. */
  #runsOf(bases: readonly Base[]): Run[] {
    const runs: Run[] = [];
    for (const base of bases) {
      if (base.offset <= (runs.at(-1)?.end ?? -1)) continue;
      runs.push(this.#runFrom(base, true));
    }
    return runs;
  }

  /** What leads from a base to the next damage. What comes before the base, up to a damage, may have readers. */
  #runFrom(base: Base, takesRest: boolean): Run {
    const { live } = this.#manifest;
    const { increments } = live;
    const isCut = (each: Increment) => this.#stateOf(each).cut !== undefined;
    const begin = increments.findIndex(({ startOffset }) => startOffset === base.offset);
    const before = increments.findLastIndex((each, i) => i < begin && isCut(each));
    const last = increments.findIndex((each, i) => i >= begin && isCut(each));
    const torn = increments[last];
    const end = (torn && this.#stateOf(torn).cut?.offset) ?? Infinity;
    const from = before === -1 || takesRest ? before + 1 : begin;
    const whole = increments.slice(from, torn && last);
    const damaged = takesRest ? increments[before] : undefined;
    const rest = damaged && this.#restOf(damaged, increments[from]!.startOffset);
    const start = rest?.to.startOffset ?? increments[from]!.startOffset;
    const { badBases } = this.#examined;
    const lowest = before === -1 ? 0 : base.offset;
    const bases = live.bases.filter(
      ({ name, offset }) => !badBases.has(name) && offset >= lowest && offset <= end,
    );
    return { start, end, bases, whole, rest, torn };
  }

  /** What an increment holds after its last damage; undefined where there is nothing, or it is not known. */
  #restOf(increment: Increment, end: number): Remake | undefined {
    const { resume } = this.#stateOf(increment);
    if (resume === undefined || resume.offset >= end) return undefined;
    const { offset: startOffset, database } = resume;
    const number = this.#nextSequence();
    const names = { name: incrementName(number), index: indexName(number) };
    return { from: increment, to: { ...increment, ...names, startOffset, database }, end };
  }

  #incrementsOf({ rest, whole, torn, end }: Run): readonly [Increment, ...Increment[]] {
    const increments = whole.map((each) => this.#keptIncrement(each));
    if (rest !== undefined) {
      this.#make(rest);
      increments.unshift(rest.to);
    }
    if (torn !== undefined) increments.push(this.#headOf(torn, end));
    return nonEmpty(increments);
  }

  #tell(live: Segment, runs: readonly Run[]): void {
    const held = this.#stateOf(lastIncrement(live)).end;
    const kept = runs.flatMap(({ bases }) => bases);
    const { badBases } = this.#examined;
    const [{ start }, { end }] = [runs[0]!, runs.at(-1)!];
    if (start > startOf(live)) {
      this.#lose(live, startOf(live), start);
      this.#done.push(`what came before offset ${start} is moved aside: no base leads through it`);
    }
    for (const [i, run] of runs.slice(0, -1).entries()) {
      const next = runs[i + 1]!;
      this.#lose(live, run.end, next.start);
      this.#done.push(
        `gave up offsets ${run.end + 1} to ${next.start}: a past segment ends before them, and the history goes on after them; a restore reaches offsets ${run.bases[0]!.offset} to ${run.end}, and those from ${next.bases[0]!.offset} on`,
      );
    }
    if (end !== Infinity) {
      this.#lose(live, end, Math.max(end, held));
      const isFollowed = live.bases.some((base) => base.offset > end && !badBases.has(base.name));
      const why = isFollowed
        ? 'what a step back took away is restored by what comes before it, so the rest is not kept'
        : 'no whole base follows';
      this.#done.push(
        `the history ends at offset ${end} now; what came after it is moved aside: ${why}`,
      );
    }
    for (const { name, offset } of live.bases) {
      if (offset > end || kept.some((each) => each.name === name)) continue;
      this.#done.push(`the base ${name} at offset ${offset} is moved aside`);
    }
  }

  /** A past segment up to its first damage, as far as a whole base leads there. */
  #keptPast(segment: PastSegment, before: PastSegment | undefined): PastSegment[] {
    const { badBases } = this.#examined;
    const { number } = segment;
    const last = segment.increments.findIndex((each) => this.#stateOf(each).cut !== undefined);
    const torn = segment.increments[last];
    const end = (torn && this.#stateOf(torn).cut?.offset) ?? segment.end;
    const starts = segment.increments.map(({ startOffset }) => startOffset);
    const bases = segment.bases.filter(
      ({ name, offset }) => !badBases.has(name) && offset <= end && starts.includes(offset),
    );
    const isWhole = torn === undefined && segment.bases.every(({ name }) => !badBases.has(name));
    // Another segment may rest upon it, or it upon another.
    const isAlone = segment.by === 'reset' && before?.by !== 'rewound';
    if (!isWhole && (!isAlone || bases.length === 0)) {
      this.#lose(segment, startOf(segment), segment.end);
      const range = `offsets ${startOf(segment)} to ${segment.end}`;
      this.#done.push(`segment ${number} of the past, ${range}, is moved aside`);
      return [];
    }
    const increments = segment.increments
      .slice(0, torn && last)
      .map((each) => this.#keptIncrement(each));
    if (torn !== undefined) {
      increments.push(this.#headOf(torn, end));
      this.#lose(segment, end, segment.end);
      this.#done.push(`segment ${number} of the past ends at offset ${end} now`);
    }
    for (const { name, offset } of segment.bases) {
      if (isWhole || offset > end || bases.some((each) => each.name === name)) continue;
      this.#done.push(`the base ${name} at offset ${offset} is moved aside`);
    }
    const kept = this.#keptBases(isWhole ? segment.bases : bases);
    const names = torn === undefined ? {} : namesUpTo(segment, end);
    return [{ ...segment, ...names, bases: kept, increments: nonEmpty(increments), end }];
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
    this.#make({ from: increment, to, end });
    return to;
  }

  #make(made: Remake): void {
    const { from, to, end } = made;
    this.#remakes.push(made);
    for (const flip of this.#flips.get(from.name) ?? []) {
      const { offset = 0 } = flip;
      if (offset > to.startOffset && offset <= end) this.#tellCorrected(from.name, flip, to.name);
    }
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
