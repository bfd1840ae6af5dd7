import { crc32 } from 'node:zlib';
import type { Boundary, Position } from '@forebay/psync';
import { StreamTracker, startHistory } from '@forebay/psync';
import {
  bytesOf,
  concatBytes,
  randomFrom,
  SimulatedClock,
  SimulatedDisk,
  textOf,
} from '@forebay/testkit';
import { writeWhole } from '../src/disk/durable.ts';
import type { Disk, LogOptions, NewBase, Restored, RestoreTarget } from '../src/index.ts';
import { Log, planRestore, restore } from '../src/index.ts';
import { A } from './directories.ts';

export const DIRECTORY = '/data';
export const OUT = '/out';

/** An RDB without keys, by the version of Redis that it says it is of. */
export function rdbOf(version: string, rdbVersion = 11, field = 'redis-ver'): Uint8Array {
  const text = (value: string) => String.fromCharCode(value.length) + value;
  const header = `REDIS${String(rdbVersion).padStart(4, '0')}`;
  return bytesOf(`${header}\xfa${text(field)}${text(version)}\xff\0\0\0\0\0\0\0\0`);
}

export const RDB: Uint8Array = rdbOf('7.0.15');

/** A log on a simulated disk, with a clock that moves when it is told to. */
export class Recording {
  readonly clock = new SimulatedClock();
  readonly disk: SimulatedDisk;
  log!: Log;
  #stream = new StreamTracker({ offset: 0 });
  readonly #options: LogOptions;

  private constructor(seed: number, options: LogOptions) {
    const { clock } = this;
    this.disk = new SimulatedDisk({ random: randomFrom(seed), clock, slowWriteRate: 0 });
    this.#options = options;
  }

  /** A log that is empty yet. */
  static async open(seed = 1, options: LogOptions = {}): Promise<Recording> {
    const recording = new Recording(seed, options);
    await recording.reopen();
    return recording;
  }

  /** A log with a base at `offset`. */
  static async begun(offset = 0, database = 0, rdb = RDB): Promise<Recording> {
    const recording = await Recording.open();
    await recording.begin(A, offset, database, rdb);
    return recording;
  }

  async reopen(): Promise<void> {
    const { clock } = this;
    const options = { disk: this.process, clock, fsync: 'no', ...this.#options } as const;
    this.log = await Log.open(DIRECTORY, options);
    if (this.log.found !== undefined) this.#stream = this.log.found.stream;
  }

  get process(): Disk {
    return this.disk.process;
  }

  /** What the log ends with. */
  get position(): Position {
    return { id: this.log.history!.id, offset: this.log.written };
  }

  get boundary(): Boundary {
    return this.#stream.boundary;
  }

  async begin(id: string, offset: number, database = 0, rdb = RDB): Promise<void> {
    const history = startHistory(id);
    const base = await this.#placed(rdb);
    await this.log.beginHistory({ ...base, history, offset, database, reason: 'a test' });
    this.#stream = new StreamTracker({ offset, database });
  }

  async append(...commands: Uint8Array[]): Promise<void> {
    const bytes = concatBytes(commands);
    this.#stream.push(bytes);
    await this.log.append(bytes, this.#stream.boundary);
  }

  async addBase(offset: number): Promise<void> {
    const position = { id: this.log.history!.id, offset };
    await this.log.addBase({ ...(await this.#placed(RDB)), position });
  }

  /** Goes back, and on under another id, as in a failover. */
  async stepBack(offset: number, id: string): Promise<void> {
    this.#stream = (await this.log.stepBack(offset)).stream;
    await this.log.setHistory(startHistory(id));
  }

  /** Writes a directory for a server, and reads what is in it. */
  async restored(target?: RestoreTarget, single = false): Promise<Result> {
    await using plan = await planRestore(this.process, DIRECTORY, target);
    await this.process.removeTree(OUT);
    const written = await restore(plan, OUT, { single });
    return { ...written, ...readOut(this.disk, single), reached: plan.position };
  }

  async #placed(rdb: Uint8Array): Promise<NewBase> {
    const target = this.log.awaitBase();
    await writeWhole(this.process, target.path, rdb);
    return { target, size: rdb.length, crc: crc32(rdb) };
  }
}

export interface Result extends Restored, Written {
  readonly reached: Position;
}

/** What a server would load. */
export interface Written {
  readonly base: string;
  readonly parts: readonly { readonly database: number; readonly stream: string }[];
  /** The parts in one. */
  readonly stream: string;
}

/** What stands in `OUT`; it has to be there, with nothing half written beside it. */
export function readOut(disk: SimulatedDisk, single = false): Written {
  const paths = disk.paths().filter((path) => path.startsWith(OUT));
  const odd = paths.filter((path) => !path.startsWith(`${OUT}/`));
  if (odd.length > 0) throw new Error(`${odd} is left`);
  const read = (name: string) => textOf(disk.peek(`${OUT}/${name}`));
  if (single) return splitSingle(read('appendonly.aof'));
  const inner = 'appendonlydir/appendonly.aof';
  const [base = '', ...increments] = [
    ...read(`${inner}.manifest`).matchAll(/^file (\S+) seq \d+ type [bi]\n/gm),
  ].map(([, name]) => read(`appendonlydir/${name}`));
  return { base, ...partsOf(increments) };
}

function splitSingle(text: string): Written {
  const end = text.indexOf('\xff\0\0\0\0\0\0\0\0') + 9;
  return { base: text.slice(0, end), ...partsOf([text.slice(end)]) };
}

function partsOf(increments: readonly string[]): Pick<Written, 'parts' | 'stream'> {
  const parts = increments.map((text) => {
    const [preamble = '', digits] = /^\*2\r\n\$6\r\nSELECT\r\n\$\d+\r\n(\d+)\r\n/.exec(text) ?? [];
    return { database: Number(digits), stream: text.slice(preamble.length) };
  });
  return { parts, stream: parts.map(({ stream }) => stream).join('') };
}
