import { formatPosition } from '@forebay/psync';
import type { ReplicaItem } from '@forebay/replica';
import { describeEndpoint, Replica, ReplicaError } from '@forebay/replica';
import { Command } from 'commander';
import { addSettings, settingsOf } from '../config/options.ts';
import { primaryOf } from '../config/primary.ts';
import type { Resolved } from '../config/resolve.ts';
import { CONNECTION } from '../config/settings.ts';
import { EXIT, ExitError, linkExitCodeOf } from '../exit.ts';
import { targetOf } from '../follow/upstream/replica-options.ts';
import { acceptedBy, refusalOf, warnOf } from '../follow/verified-snapshot.ts';
import { linkMessageOf } from '../link-message.ts';
import { Output } from '../output/output.ts';
import type { Reporter } from '../reporter.ts';
import { formatBytes } from '../reporter.ts';
import { endSignal } from './stop-signal.ts';

const NAMES = [...CONNECTION, 'repl-timeout', 'accept-unverified-rdb'] as const;

const HELP = `
  forebay dump redis://127.0.0.1:6379 -o dump.rdb
  forebay dump redis://127.0.0.1:6379 | forebay rdb keys -

The file is there under its name when it is whole and on the disk, or not at all; a symbolic link stays, and
what it leads to is replaced. A FIFO or a device is written to as it is.

It costs the primary one fork, as BGSAVE does, and the sending. Since 6.2 it is asked for the snapshot alone;
one before that begins to send its stream too, which is cut off. A primary that never had a replica has a
replication backlog and a new id after it, for it makes both for whoever asks to be sent a snapshot; its
data set, and what it counts to be lost in a failover, are as they were.

The snapshot is verified while it is received. A snapshot with a wrong checksum, a broken structure or no end is
refused, and the error names the byte. If the snapshot is written to standard output, check the exit code: the
damaged bytes may be printed already.

The rights a user needs: +psync +replconf +ping.

Exit codes: 0 done; 1 the primary did not send it whole, or stopped; 64 usage; 69 the primary cannot be
reached, or is silent; 74 the disk, or who reads it has gone; 77 credentials refused; 78 configuration: a
certificate, or no TLS there.`;

/** `forebay dump`: a snapshot of a primary. */
export function dumpCommand(reporter: Reporter): Command {
  return addSettings(new Command('dump'), NAMES)
    .description('Fetch a snapshot (an RDB) from a primary.')
    .argument('<address...>', 'the primary: HOST PORT, HOST:PORT, or a URL')
    .helpOption('--help', 'show this text')
    .exitOverride()
    .option('-o, --output <file>', 'where to write it; - is standard output, and is the default')
    .addHelpText('after', HELP)
    .allowExcessArguments(false)
    .action(async (address: string[], { output = '-' }: { output?: string }, command: Command) => {
      if (output === '') throw new ExitError(EXIT.usage, '-o names no file');
      if (output === '-' && process.stdout.isTTY) {
        throw new ExitError(EXIT.usage, 'a snapshot is no text for a terminal: give -o FILE');
      }
      await dump(address, output, settingsOf(command, NAMES), reporter);
    });
}

async function dump(
  address: readonly string[],
  path: string,
  settings: Resolved<(typeof NAMES)[number]>,
  reporter: Reporter,
) {
  const { candidate, tls } = primaryOf(address, settings);
  const timeout = settings.values['repl-timeout'] * 1000;
  const timeouts = { connect: timeout, handshake: timeout, transfer: timeout, idle: timeout };
  // Before the primary is asked to fork: there has to be somewhere to write to. A FIFO that nobody reads is
  // waited for, and a signal ends that at once.
  await using output = await Output.to(path);
  const signal = endSignal();
  const acceptedSnapshots = acceptedBy(settings.values['accept-unverified-rdb']);
  const options = {
    ...targetOf(candidate),
    tls,
    timeouts,
    acceptedSnapshots,
    signal,
    rdbOnly: true,
  };
  try {
    await using replica = new Replica(options);
    report(replica, describeEndpoint(candidate.endpoint), reporter);
    await fetch(replica, output, reporter);
  } catch (error) {
    throw error instanceof ReplicaError ? asExit(error, path) : error;
  } finally {
    reporter.clear();
  }
}

async function fetch(replica: Replica, output: Output, reporter: Reporter): Promise<void> {
  const since = performance.now();
  let read = 0;
  replica.on('transfer', (progress) => {
    read = progress.read;
    reporter.transfer(progress, since);
  });
  for await (const item of replica) {
    if (item.type === 'snapshot') await output.add(item.bytes);
    else if (item.type === 'snapshot-aborted') throw item.error;
    else if (item.type === 'full-resync') reporter.step(sizeOf(item));
    else if (item.type === 'snapshot-end') {
      await output.finish();
      const seconds = ((performance.now() - since) / 1000).toFixed(1);
      const position = formatPosition({ id: item.history.id, offset: item.offset });
      warnOf(item.verdict, reporter);
      reporter.good(`snapshot done, ${formatBytes(read)} in ${seconds} s, at ${position}`);
      return;
    }
  }
  throw new ExitError(EXIT.runtime, 'the link ended before the snapshot was whole');
}

function report(replica: Replica, primary: string, reporter: Reporter): void {
  let awaited = false;
  replica.on('state', (state) => {
    if (state === 'handshake') reporter.step(`connected to ${primary}`);
  });
  // Told every second, and said once.
  replica.on('snapshot-awaited', () => {
    if (!awaited) reporter.step('the primary makes the snapshot');
    awaited = true;
  });
}

function sizeOf({ length }: Extract<ReplicaItem, { type: 'full-resync' }>): string {
  return `snapshot, ${length === undefined ? 'of a size not told' : formatBytes(length)}`;
}

function asExit(error: ReplicaError, path: string): ExitError {
  const left = path === '-' ? '' : `: nothing was left in ${path}`;
  const refusal = refusalOf(error);
  const refused = refusal === undefined ? linkMessageOf(error) : `${refusal}${left}`;
  const message = error.code === 'STOPPED' ? `stopped${left}` : refused;
  return new ExitError(linkExitCodeOf(error.code) ?? EXIT.runtime, message, error);
}
