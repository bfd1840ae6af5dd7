import type { RdbError } from '../format/errors.ts';
import type { Checksum, TrailingChecksum } from './trailing-checksum.ts';
import type { RdbFinding, RdbOutcome } from './verdict.ts';

/** Damaged values that are told one by one. */
const MOST_VALUES = 10;

/** What a verifier has found so far. */
export class Findings {
  readonly list: RdbFinding[] = [];
  #damagedValues = 0;

  get damagedValues(): number {
    return this.#damagedValues;
  }

  add(kind: RdbFinding['kind'], position: number, message: string): void {
    this.list.push({ kind, position, message });
  }

  addValue({ position }: RdbError, message: string): void {
    this.#damagedValues++;
    if (this.#damagedValues <= MOST_VALUES) this.add('value', position, message);
  }

  addChecksum({ stored, computed }: TrailingChecksum, position: number): void {
    const sums = `it is ${hex(stored)}, and the bytes before it give ${hex(computed)}`;
    this.add('damage', position, `the checksum at byte ${position} is wrong: ${sums}`);
  }

  /** What an RDB with that checksum is worth. */
  outcome(checksum: Checksum | undefined): RdbOutcome {
    if (this.list.some(({ kind }) => kind === 'damage')) return 'damaged';
    if (this.list.length === 0) return 'sound';
    return checksum === 'right' ? 'flawed' : 'unproven';
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
