import type { RdbEvent } from '@forebay/rdb';
import { RdbReader } from '@forebay/rdb';
import { Command } from 'commander';
import { EXIT, ExitError } from '../../exit.ts';
import { print } from '../../output/output.ts';
import { printable } from '../../output/printable.ts';
import type { Reporter } from '../../reporter.ts';
import { formatBytes } from '../../reporter.ts';
import { openInput } from './input.ts';
import type { Visitor } from './scan.ts';
import { RdbFault, scan } from './scan.ts';

const HELP = `
Every byte goes into the checksum, and values are passed over, as far as their own lengths go. --deep takes
them apart to the last element: it finds what is wrong in a file without a checksum (rdbchecksum no), and in
which key, where the checksum only says that something is.

The counts are of what was read before the first fault, if there is one. What comes after the end is told, and
is no fault: the first file of an append-only log goes on with commands there.

Exit codes: 0 nothing is wrong; 1 something is; 64 usage; 74 the file cannot be read.`;

interface CheckFlags {
  readonly deep?: boolean;
  readonly json?: boolean;
}

/** What `--json` prints. */
interface Counts {
  file: string;
  magic?: string;
  version?: number;
  bytes: number;
  /** Auxiliary fields; of those that come several times, the last. */
  fields: Record<string, string>;
  databases: { database: number; keys: number; expires: number; types: Record<string, number> }[];
  functions: number;
  checksum?: 'right' | 'none' | 'wrong';
  /** Bytes behind its end, where there are any. */
  after?: number;
  /** What is wrong first. */
  fault?: string;
}

/** `forebay rdb check`: whether it is whole and right. */
export function checkCommand(reporter: Reporter): Command {
  return new Command('check')
    .description('Verify a snapshot to its checksum, and count what is in it.')
    .argument('<file>', 'the RDB; - is standard input')
    .option('--deep', 'take every value apart')
    .option('--json', 'print one JSON object')
    .addHelpText('after', HELP)
    .action(async (path: string, { deep = false, json = false }: CheckFlags) => {
      const input = await openInput(path);
      const counting = new Counting(input.name, deep);
      let fault: RdbFault | undefined;
      try {
        await scan(input, counting.reader, counting, { reporter, prints: false });
      } catch (error) {
        if (!(error instanceof RdbFault)) throw error;
        fault = error;
      }
      const counts = counting.counted(fault);
      await print(json ? [JSON.stringify(counts, null, 2)] : linesOf(counts));
      if (fault === undefined) return;
      const isSum = counts.checksum === 'wrong' && !deep;
      const advice = isSum ? '; --deep may find which key is damaged' : '';
      throw new ExitError(EXIT.runtime, `${fault.message}${advice}`, fault);
    });
}

class Counting implements Visitor {
  readonly reader: RdbReader;
  readonly #deep: boolean;
  readonly #counts: Counts;
  #database: Counts['databases'][number] | undefined;

  constructor(file: string, deep: boolean) {
    this.reader = new RdbReader({ level: 'elements' });
    this.#deep = deep;
    this.#counts = { file, bytes: 0, fields: {}, databases: [], functions: 0 };
  }

  take(event: RdbEvent): void {
    const counts = this.#counts;
    switch (event.type) {
      case 'key': {
        if (!this.#deep) this.reader.skip();
        const found = this.#databaseOf(event.database);
        found.keys++;
        if (event.expiresAt !== undefined) found.expires++;
        found.types[event.dataType] = (found.types[event.dataType] ?? 0) + 1;
        return;
      }
      case 'header':
        counts.magic = event.magic;
        counts.version = event.version;
        return;
      case 'aux':
        counts.fields[event.key] = event.value;
        return;
      case 'function':
        counts.functions++;
        return;
      case 'end':
        counts.checksum = event.checksum;
    }
  }

  after(bytes: number): void {
    if (bytes > 0) this.#counts.after = bytes;
  }

  counted(fault: RdbFault | undefined): Counts {
    const counts = { ...this.#counts, bytes: this.reader.position };
    if (fault === undefined) return counts;
    if (fault.code === 'BAD_CHECKSUM') counts.checksum = 'wrong';
    return { ...counts, fault: fault.message };
  }

  #databaseOf(database: number): Counts['databases'][number] {
    if (this.#database?.database === database) return this.#database;
    let found = this.#counts.databases.find((each) => each.database === database);
    if (found === undefined) {
      found = { database, keys: 0, expires: 0, types: {} };
      this.#counts.databases.push(found);
    }
    this.#database = found;
    return found;
  }
}

function linesOf(counts: Counts): string[] {
  const { file, magic, version, bytes, fields, databases, functions, checksum, after } = counts;
  const server = fields['valkey-ver'] ?? fields['redis-ver'];
  const by = server === undefined ? '' : ` of ${printable(server)}`;
  const lines = [`${file}: ${magic ?? 'no RDB'} ${version ?? ''}${by}, ${formatBytes(bytes)}`];
  for (const { database, keys, expires, types } of databases) {
    const parts = Object.entries(types).map(([type, count]) => `${count} ${type}`);
    lines.push(`database ${database}: ${keys} keys (${parts.join(', ')}), ${expires} expire`);
  }
  if (databases.length === 0) lines.push('no keys');
  if (functions > 0) lines.push(`functions: ${functions}`);
  if (checksum !== undefined) lines.push(`checksum: ${checksum}`);
  if (after !== undefined)
    lines.push(`after its end: ${formatBytes(after)} more, which are no part of it`);
  return lines;
}
