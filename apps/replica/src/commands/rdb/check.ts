import type { RdbVerdict } from '@forebay/rdb';
import { RdbVerifier } from '@forebay/rdb';
import { Command, Option } from 'commander';
import { EXIT, ExitError } from '../../exit.ts';
import { print } from '../../output/output.ts';
import { printable } from '../../output/printable.ts';
import type { Reporter } from '../../reporter.ts';
import { formatBytes } from '../../reporter.ts';
import type { Input } from './input.ts';
import { openInput } from './input.ts';

const HELP = `
Makes the same checks as the daemon for each snapshot: structure, types, values, end and checksum. A damaged value
is reported with its key and byte, and the check continues. After an unknown type only the checksum is verified.

The counts cover the part that was read. Bytes after the end are counted, and are not an error: in the first file
of an append-only log, commands follow there.

Exit codes: 0 no fault; 1 a fault, or a part that forebay cannot read; 64 usage; 74 the file cannot be read.`;

/** What `--json` prints. */
interface CheckOutput extends Pick<RdbVerdict, 'bytes' | 'databases' | 'functions'> {
  readonly file: string;
  readonly magic?: string;
  readonly version?: number;
  /** Auxiliary fields; of those that come several times, the last. */
  readonly fields: Readonly<Record<string, string>>;
  readonly checksum?: 'right' | 'none' | 'wrong';
  /** Bytes after its end, where there are any. */
  readonly after?: number;
  /** The first fault, and all faults. */
  readonly fault?: string;
  readonly faults?: readonly string[];
}

/** `forebay rdb check`: whether it is whole and right. */
export function checkCommand(reporter: Reporter): Command {
  return (
    new Command('check')
      .description('Verify a snapshot, and count what is in it.')
      .argument('<file>', 'the RDB; - is standard input')
      // Earlier releases checked values only where this was given.
      .addOption(new Option('--deep').hideHelp())
      .option('--json', 'print one JSON object')
      .addHelpText('after', HELP)
      .action(async (path: string, { json = false }: { readonly json?: boolean }) => {
        const input = await openInput(path);
        const output = outputOf(input.name, await verdictOf(input, reporter));
        await print(json ? [JSON.stringify(output, null, 2)] : linesOf(output));
        const [first, ...others] = output.faults ?? [];
        if (first === undefined) return;
        const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
        throw new ExitError(EXIT.runtime, `${input.name}: ${first}${more}`);
      })
  );
}

/** @throws {ExitError} disk where it cannot be read */
async function verdictOf({ pieces, total }: Input, reporter: Reporter): Promise<RdbVerdict> {
  const since = performance.now();
  const verifier = new RdbVerifier({ goesOn: true });
  let read = 0;
  try {
    for await (const piece of pieces) {
      verifier.push(piece);
      read += piece.length;
      reporter.transfer({ read, total }, since);
    }
    return verifier.finish();
  } finally {
    reporter.clear();
  }
}

function outputOf(file: string, verdict: RdbVerdict): CheckOutput {
  const { magic, version, bytes, fields, databases, functions, checksum, after } = verdict;
  const untold =
    verdict.damagedValues - verdict.findings.filter(({ kind }) => kind === 'value').length;
  const faults = [
    ...verdict.findings.map(({ message }) => message),
    ...(untold > 0 ? [`${untold} more damaged values`] : []),
  ];
  return {
    file,
    ...(magic === undefined ? {} : { magic }),
    ...(version === undefined ? {} : { version }),
    bytes,
    fields: Object.fromEntries(fields),
    databases,
    functions,
    ...(checksum === undefined ? {} : { checksum: checksum === 'absent' ? 'none' : checksum }),
    ...(after > 0 ? { after } : {}),
    ...(faults.length > 0 ? { fault: faults[0]!, faults } : {}),
  };
}

function linesOf(output: CheckOutput): string[] {
  const { file, magic, version, bytes, fields, databases, functions, checksum, after } = output;
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
    lines.push(`after the end of the RDB: ${formatBytes(after)}, not part of it`);
  // The first is the message that the command ends with.
  lines.push(...(output.faults ?? []).slice(1).map((fault) => `fault: ${fault}`));
  return lines;
}
