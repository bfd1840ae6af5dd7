import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '../../exit.ts';
import { formatBytes } from '../../reporter.ts';
import type { Check } from '../check.ts';
import type { Finding } from '../finding.ts';
import { bad, good, warning } from '../finding.ts';
import type { Subject } from '../subject.ts';
import { NotTold } from '../subject.ts';
import { infoOf } from './rights.ts';

const MEGABYTE = 1024 * 1024;

/** Seconds that a link may be cut, a daemon or a machine be restarted, without a full copy. */
const CUT = 60;

/** Bytes a second at which a full copy is taken to go, where nothing better is known: a slow disk, or 200 Mbit/s. */
const COPY_RATE = 25 * MEGABYTE;

/** Seconds of silence below which a busy primary may take a replica for lost. */
const LEAST_TIMEOUT = 20;

/** Whether what it keeps for a replica is enough, at the rate at which it is written to. */
export const capacityChecks: readonly Check[] = [
  {
    name: 'write rate',
    tries: 'how fast its stream grows (--seconds)',
    needs: ['info'],
    run: measure,
  },
  {
    name: 'backlog',
    tries: `repl-backlog-size against that: whether a cut of ${CUT} s is bridged`,
    needs: ['write rate'],
    run: backlog,
  },
  {
    name: 'output buffer',
    tries: 'client-output-buffer-limit against what is written during a full copy',
    needs: ['write rate', 'settings'],
    run: outputBuffer,
  },
  {
    name: 'timeouts',
    tries: 'repl-timeout, its and ours, against its PINGs',
    needs: ['settings'],
    run: timeouts,
  },
];

async function measure(subject: Subject): Promise<readonly Finding[]> {
  const { seconds } = subject.options;
  const before = await figuresOf(subject);
  await sleep(seconds * 1000);
  const after = await figuresOf(subject);
  const elapsed = (after.at - before.at) / 1000;
  const atMost = !after.hasStream;
  const bytes = atMost ? after.input - before.input : after.offset - before.offset;
  subject.rate = { bytes: Math.max(0, bytes / elapsed), atMost };
  const rate = `${formatBytes(subject.rate.bytes)}/s`;
  const over = `over ${elapsed.toFixed(1)} s`;
  if (atMost) {
    return [
      good(`at most ${rate} ${over}: it has no stream yet, and that is all that clients send`),
    ];
  }
  return [good(`${rate} ${over}; what is said below of the rate is of this moment`)];
}

async function figuresOf(subject: Subject) {
  subject.info = infoOf(await subject.connection.ask('INFO'));
  const hasStream = subject.field('repl_backlog_active') === '1';
  return {
    at: performance.now(),
    hasStream,
    offset: subject.figure('master_repl_offset'),
    input: hasStream ? 0 : subject.figure('total_net_input_bytes'),
  };
}

async function backlog(subject: Subject): Promise<readonly Finding[]> {
  const size = subject.figure('repl_backlog_size');
  const { bytes: rate, atMost } = subject.rate;
  if (rate * CUT <= size) {
    const lasts = rate < 1 ? '' : `: a cut of ${duration(size / rate)} is bridged`;
    return [good(`${formatBytes(size)}${lasts}`)];
  }
  const message =
    `${formatBytes(size)} last ${atMost ? 'for at least' : 'for'} ${duration(size / rate)}: ` +
    'a link that is cut for longer costs a full copy';
  const wanted = megabytes(2 * rate * CUT);
  const total = Number(subject.info.get('total_system_memory') ?? 0);
  const spare = total - subject.figure('used_memory');
  if (spare <= 0 || wanted * MEGABYTE <= spare / 4) {
    return [warning(message, `CONFIG SET repl-backlog-size ${wanted}mb`)];
  }
  const possible = megabytes(spare / 8);
  const lasts = duration((possible * MEGABYTE) / rate);
  const most = `${message}; for ${CUT} s it has too little memory, with this it is ${lasts}`;
  return [warning(most, `CONFIG SET repl-backlog-size ${possible}mb`)];
}

/** All that is written during a full copy waits at the primary (`networking.c: checkClientOutputBufferLimits`). */
async function outputBuffer(subject: Subject): Promise<readonly Finding[]> {
  const limits = subject.setting('client-output-buffer-limit');
  const found = /(?:slave|replica) (\d+) (\d+) (\d+)/.exec(limits);
  if (found === null) throw new NotTold('client-output-buffer-limit has no entry for replicas');
  const [hard = 0, soft = 0, softSeconds = 0] = found.slice(1).map(Number);
  const { bytes: rate } = subject.rate;
  const data = subject.figure('used_memory');
  const seconds = data / COPY_RATE;
  const waits = rate * seconds;
  const isOverHard = hard > 0 && waits > hard;
  const isOverSoft = soft > 0 && waits > soft && seconds - soft / Math.max(rate, 1) > softSeconds;
  const copy = `a full copy of ${formatBytes(data)} takes ${duration(seconds)} at ${formatBytes(COPY_RATE)}/s`;
  if (!isOverHard && !isOverSoft) {
    const limit = hard === 0 ? 'there is no hard limit' : `the limit is ${formatBytes(hard)}`;
    return [good(`${copy}, and ${formatBytes(waits)} wait then; ${limit}`)];
  }
  const wanted = megabytes(2 * waits);
  const over = isOverHard ? `${formatBytes(hard)}` : `${formatBytes(soft)} for ${softSeconds} s`;
  return [
    warning(
      `${copy}; ${formatBytes(waits)} are written meanwhile, and it cuts the link at ${over}: copies would begin anew for ever`,
      `CONFIG SET client-output-buffer-limit "replica ${wanted}mb ${wanted}mb ${softSeconds}"`,
    ),
  ];
}

async function timeouts(subject: Subject): Promise<readonly Finding[]> {
  const theirs = Number(subject.setting('repl-timeout'));
  const period = Number(subject.setting('repl-ping-replica-period'));
  const ours = subject.options.timeout;
  const findings: Finding[] = [];
  if (ours <= period) {
    const message = `it pings every ${period} s, and we give a link up after ${ours} s of silence`;
    findings.push(bad(EXIT.configuration, message, `--repl-timeout ${period * 3}`));
  }
  if (theirs < LEAST_TIMEOUT) {
    const message = `it gives a replica up after ${theirs} s of silence: a disk that is slow for a moment costs the link`;
    findings.push(warning(message, 'CONFIG SET repl-timeout 60'));
  }
  if (findings.length > 0) return findings;
  const pings = period === 0 ? '' : `, and it pings every ${period}`;
  return [good(`it gives us up after ${theirs} s of silence, we give it up after ${ours}${pings}`)];
}

/** The next power of two. */
function megabytes(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, bytes / MEGABYTE)));
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
