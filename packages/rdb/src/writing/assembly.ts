import { RdbError } from '../format/errors.ts';
import type { Counted, RdbElement } from '../format/events.ts';
import { Output, type OutputOptions } from './output.ts';
import type { ElementType, Many, Nodes, One, Open, Part, Shape } from './shape.ts';

/** A part that is being written, and what of it was. */
interface Level {
  readonly part: Many | Nodes | Open | undefined;
  /** What may come within the element that was written last. */
  readonly parts: Shape;
  /** The first of them that has not begun. */
  next: number;
  /** How many there are to be, as it was said ahead. */
  readonly count: number | undefined;
  seen: number;
  /** Whether what stands between count and elements is written. */
  begun: boolean;
}

/**
 * Writes a value, element by element, in the shape that it has. Where a count was said ahead, it is
 * written and the elements are passed on as they come; where not, they are held, as bytes of an RDB, until
 * the last of them was there.
 */
export class Assembly {
  readonly #main: Output;
  readonly #options: OutputOptions;
  readonly #held: Output[] = [];
  #depth = 0;
  #out: Output;
  readonly #levels: Level[] = [];
  /** Whether the nodes of this value are those that it was told of. */
  #hasNodes = false;

  /** `options`: for what is held; its `limit` is for one part of a value. */
  constructor(out: Output, options: OutputOptions) {
    this.#main = out;
    this.#out = out;
    this.#options = options;
  }

  begin(parts: Shape): void {
    this.#hasNodes = false;
    this.#levels.push({ part: undefined, parts, next: 0, count: undefined, seen: 1, begun: true });
  }

  /** @throws {RdbError} `MISUSE` where such an element cannot come */
  write(element: RdbElement): void {
    const { type } = element;
    const { part } = this.#levels.at(-1)!;
    if (part?.of === type && part.kind === 'many' && part.parts.length === 0) {
      this.#count();
      part.encode(this.#out, element);
    } else if (element.type === 'count') this.#open(this.#due(element.of), element.count);
    else this.#write(element, this.#reach(element.type));
  }

  /** The value is complete. @throws {RdbError} `MISUSE` if it is not */
  end(): void {
    while (this.#levels.length > 1) this.#close();
    this.#completeElement();
    this.#levels.pop();
  }

  #write(element: RdbElement, part: Part): void {
    const level = this.#levels.at(-1)!;
    if (part.kind === 'nodes') this.#pack(part, element);
    else if (part.kind === 'one') part.encode(this.#out, element);
    else if (part.of === element.type) {
      this.#count();
      part.encode(this.#out, element);
    } else {
      if (level.begun) throw misuse(`${element.type} cannot come here`);
      level.begun = true;
      (part as Many).first?.encode(this.#out, element);
    }
  }

  /** Nodes begin where it is told, or else where the last one is full. */
  #pack({ packer }: Nodes, element: RdbElement): void {
    const { seen } = this.#levels.at(-1)!;
    if (element.type === 'node') {
      if (seen > 0) packer.flush(this.#out);
      this.#hasNodes = true;
      this.#count();
      return;
    }
    if (!this.#hasNodes) {
      if (packer.isFull) packer.flush(this.#out);
      if (packer.isEmpty) this.#count();
    } else if (seen === 0) throw misuse(`${element.type} came before its node`);
    packer.add(element);
  }

  /** The part that an element is of, which is the current one then unless it is of one element. */
  #reach(type: ElementType): Part {
    for (;;) {
      const level = this.#levels.at(-1)!;
      if (level.part !== undefined && isOf(level.part, type)) return level.part;
      const part = this.#take(level, type);
      if (part === undefined) this.#leave(type);
      else {
        if (part.kind !== 'one') this.#open(part, undefined);
        return part;
      }
    }
  }

  /** The part whose count has come, which has not begun. */
  #due(type: Counted): Part {
    for (;;) {
      const part = this.#take(this.#levels.at(-1)!, type);
      if (part !== undefined) return part;
      this.#leave(type);
    }
  }

  #leave(type: ElementType): void {
    if (this.#levels.length === 1) throw misuse(`${type} cannot come here`);
    this.#close();
  }

  /** The part of such elements within a level, if it is still to come; those before it are left out. */
  #take(level: Level, type: ElementType): Part | undefined {
    if (level.seen === 0) return undefined;
    const at = level.parts.findIndex((part, i) => i >= level.next && isOf(part, type));
    if (at < 0) return undefined;
    this.#passOver(level, at);
    level.next = at + 1;
    return level.parts[at];
  }

  #open(part: Part, count: number | undefined): void {
    if (part.kind === 'one') throw misuse(`there is no count of ${part.of}`);
    if (part.kind === 'many') part.ahead?.(this.#out);
    if (part.kind === 'nodes') part.packer.reset();
    if (part.kind !== 'open') {
      if (count === undefined) this.#hold();
      else this.#out.number(count);
    }
    const { parts = [], first } = part as Many;
    this.#levels.push({ part, parts, next: 0, count, seen: 0, begun: first === undefined });
  }

  #close(): void {
    const level = this.#levels.at(-1)!;
    const part = level.part!;
    if (part.kind === 'nodes' && level.seen > 0) part.packer.flush(this.#out);
    this.#completeElement();
    this.#begin(level);
    this.#levels.pop();
    if (part.kind === 'open') part.close(this.#out);
    else if (level.count === undefined) this.#release(level.seen);
    else if (level.seen !== level.count) {
      throw misuse(`${level.count} of ${part.of} were said to come, and ${level.seen} did`);
    }
  }

  /** One more of the current part. */
  #count(): void {
    const level = this.#levels.at(-1)!;
    if (level.parts.length > 0) this.#completeElement();
    this.#begin(level);
    level.seen++;
    if (level.count !== undefined && level.seen > level.count) {
      throw misuse(`more than ${level.count} of ${level.part?.of} came, as many as were said to`);
    }
  }

  /** Sees to what was left out of the element that was written last. */
  #completeElement(): void {
    const level = this.#levels.at(-1)!;
    if (level.seen > 0) this.#passOver(level, level.parts.length);
    level.next = 0;
  }

  /** Writes parts of which there is nothing, up to that one. */
  #passOver({ parts, next }: Level, to: number): void {
    for (let i = next; i < to; i++) {
      const part = parts[i]!;
      if (part.kind === 'one') absentOf(part)(this.#out);
      else {
        this.#open(part, undefined);
        this.#close();
      }
    }
  }

  /** Sees to what stands before the first element. */
  #begin(level: Level): void {
    if (level.begun) return;
    level.begun = true;
    absentOf((level.part as Many).first!)(this.#out);
  }

  #hold(): void {
    const held = this.#held[this.#depth] ?? new Output(this.#options, 1024);
    this.#held[this.#depth] = held;
    this.#depth++;
    this.#out = held;
  }

  #release(count: number): void {
    const held = this.#out;
    this.#depth--;
    this.#out = this.#depth === 0 ? this.#main : this.#held[this.#depth - 1]!;
    this.#out.number(count);
    this.#out.append(held.bytes);
    held.clear();
  }
}

function isOf(part: Part, type: ElementType): boolean {
  if (part.of === type) return true;
  if (part.kind === 'nodes') return part.content === type;
  return part.kind === 'many' && part.first?.of === type;
}

function absentOf(part: One): NonNullable<One['absent']> {
  if (part.absent !== undefined) return part.absent;
  throw misuse(`${part.of} was not told`);
}

export function misuse(message: string): RdbError {
  return new RdbError('MISUSE', 0, message);
}
