import type { Boundary } from '@forebay/psync';
import { StreamTracker } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import type { Random } from '@forebay/testkit';
import { concatBytes } from '@forebay/testkit';

/** What a primary sends from some offset on: it knows more than it has sent, and can send it again. */
export class Source {
  readonly start: number;
  readonly #random: Random;
  readonly #database: number;
  #bytes: Uint8Array = new Uint8Array(0);
  /** Offsets where it may be cut. */
  #cuts: number[];

  constructor(random: Random, start: number, database: number) {
    this.start = start;
    this.#random = random;
    this.#database = database;
    this.#cuts = [start];
  }

  /** Up to `most` of the bytes after `offset`, which end anywhere. */
  after(offset: number, most: number): Uint8Array {
    const length = this.#random.integer(1, most);
    while (this.start + this.#bytes.length < offset + length) this.#write();
    const from = offset - this.start;
    return this.#bytes.slice(from, from + length);
  }

  /** The last place up to `offset` where the stream may be cut. */
  boundaryAt(offset: number): Boundary {
    const stream = new StreamTracker({ offset: this.start, database: this.#database });
    stream.push(this.#bytes.subarray(0, offset - this.start));
    return stream.boundary;
  }

  /** The places from `low` to `high` where it may be cut. */
  cuts(low: number, high: number): number[] {
    return this.#cuts.filter((cut) => cut >= low && cut <= high);
  }

  /** What came after `offset` is written anew, and otherwise. */
  goBackTo(offset: number): void {
    this.#bytes = this.#bytes.slice(0, offset - this.start);
    this.#cuts = this.#cuts.filter((cut) => cut <= offset);
  }

  #write(): void {
    const random = this.#random;
    const set = (): Uint8Array =>
      encodeCommand(['SET', `k${random.integer(0, 9)}`, random.bytes(random.integer(0, 200))]);
    switch (random.integer(0, 9)) {
      case 0:
        this.#add(encodeCommand(['SELECT', String(random.integer(0, 15))]));
        break;
      case 1:
        this.#add(encodeCommand(['MULTI']), set(), set(), encodeCommand(['EXEC']));
        break;
      case 2:
        this.#add(encodeCommand(['PING']));
        break;
      default:
        this.#add(set());
    }
  }

  #add(...commands: Uint8Array[]): void {
    this.#bytes = concatBytes([this.#bytes, ...commands]);
    this.#cuts.push(this.start + this.#bytes.length);
  }
}
