import { RdbError } from '../format/errors.ts';
import type { RdbElement, RdbMagic } from '../format/events.ts';
import { Assembly, misuse } from './assembly.ts';
import type { RdbLoss, WritableKey } from './events.ts';
import type { FrameWriter } from './frames.ts';
import { Output, type OutputOptions } from './output.ts';
import { hasPlace, type Plan, Planner } from './plan.ts';
import { can, type RdbTarget, reads } from './target.ts';

/** How the value is written that is written now; `begun`: nothing of it has come; `none`: no key is open. */
type State = 'none' | 'begun' | 'raw' | 'elements' | 'left-out';

/** Writes keys, each with its value: by its elements or as it is. */
export class KeyWriter {
  readonly #out: Output;
  readonly #target: RdbTarget;
  readonly #frames: FrameWriter;
  readonly #lose: (what: RdbLoss['what']) => void;
  readonly #assembly: Assembly;
  readonly #planner: Planner;
  /** The name of the key, for its event may be gone when it is needed. */
  readonly #name: Output;
  #key: WritableKey | undefined;
  #plan: Plan | undefined;
  #state: State = 'none';
  /** What the numbers of types mean that come with keys. */
  sourceMagic: RdbMagic;

  /** `held`: for what is held of a value. `lose`: as that of `FrameWriter`. */
  constructor(
    out: Output,
    held: OutputOptions,
    target: RdbTarget,
    frames: FrameWriter,
    lose: (what: RdbLoss['what']) => void,
  ) {
    this.#out = out;
    this.#target = target;
    this.#frames = frames;
    this.#lose = lose;
    this.#assembly = new Assembly(out, held);
    this.#planner = new Planner(target, held);
    this.#name = new Output({ ...held, limit: Number.POSITIVE_INFINITY }, 256);
    this.sourceMagic = target.magic;
  }

  /** Whether a key has begun that has not ended. */
  get isOpen(): boolean {
    return this.#state !== 'none';
  }

  /** The key that is open, and its name, as a view; undefined where there is none. */
  get current(): { readonly key: WritableKey; readonly name: Uint8Array } | undefined {
    return this.#key === undefined ? undefined : { key: this.#key, name: this.#name.bytes };
  }

  takesRaw({ valueType }: WritableKey): boolean {
    return valueType !== undefined && reads(this.#target, this.sourceMagic, valueType);
  }

  /** Its type is not written yet, which may depend on how its value comes. */
  begin(key: WritableKey): void {
    this.#name.clear();
    this.#name.append(key.key);
    this.#key = key;
    this.#state = 'begun';
  }

  /** @throws {RdbError} `UNSUPPORTED`, `MISUSE` */
  raw(bytes: Uint8Array): void {
    if (this.#state === 'begun') {
      const key = this.#key!;
      if (!this.takesRaw(key)) {
        const { magic, version } = this.#target;
        const message = `a raw value of type ${key.valueType} is not what ${magic} ${version} reads`;
        throw new RdbError('UNSUPPORTED', 0, message);
      }
      this.#head(key.valueType!);
      this.#state = 'raw';
    }
    if (this.#state !== 'raw') throw misuse('a raw value cannot come here');
    this.#out.append(bytes);
  }

  /** @throws {RdbError} */
  element(element: RdbElement): void {
    if (this.#state === 'begun') this.#decide(element);
    if (this.#state === 'left-out') return;
    if (this.#state !== 'elements') throw misuse(`${element.type} cannot come here`);
    if (this.#plan?.without !== undefined && !hasPlace(this.#plan, element)) return;
    if (element.type === 'field' && element.expiresAt !== undefined) this.#checkTimes();
    this.#assembly.write(element);
  }

  /** @throws {RdbError} `MISUSE` where the value is not complete */
  end(): void {
    if (this.#state === 'begun') this.#decide(undefined);
    if (this.#state === 'elements') this.#assembly.end();
    if (this.#state === 'none') throw misuse('key-end cannot come here');
    this.#state = 'none';
    this.#key = undefined;
    this.#plan = undefined;
  }

  #head(valueType: number): void {
    this.#frames.keyInfo(this.#key!);
    this.#out.u8(valueType);
    this.#out.string(this.#name.bytes);
  }

  #decide(first: RdbElement | undefined): void {
    const plan = this.#planner.planOf(this.#key!, first);
    this.#plan = plan;
    if (plan === undefined) {
      this.#lose('key');
      this.#state = 'left-out';
      return;
    }
    if (plan.loses !== undefined) this.#lose(plan.loses);
    this.#head(plan.valueType);
    this.#assembly.begin(plan.shape);
    this.#state = 'elements';
  }

  /** A field has a time: it must have been said that one may. */
  #checkTimes(): void {
    const plan = this.#plan!;
    if (!plan.isTimeless || plan.loses !== undefined) return;
    if (can(this.#target, 'fieldTimes')) throw misuse('fieldsExpire was not said of the key');
    this.#lose('field-times');
    this.#plan = { ...plan, loses: 'field-times' };
  }
}
