import { styleText } from 'node:util';
import { formatDuration } from '../../output/duration.ts';
import { printable } from '../../output/printable.ts';
import type { Row } from '../../output/table.ts';
import { aligned } from '../../output/table.ts';
import { formatBytes } from '../../reporter.ts';
import type { Told } from './ask.ts';
import type { ConsumerReport, EventReport, StatusReport } from './report.ts';

/** Placeholder for an unknown value. */
const UNKNOWN = '-';
/** Events that are shown: the last ones. */
const EVENTS = 10;
/** Seconds after which a rate tells nothing of when a limit is reached. */
const YEAR = 365 * 86_400;
/** States in which a consumer cannot read the next bytes. */
const BAD: ReadonlySet<string> = new Set(['lost', 'damaged']);

const STATES: Readonly<Record<string, string>> = {
  idle: 'not started',
  connect: 'connecting',
  handshake: 'handshake',
  transfer: 'full resync',
  stream: 'streaming',
  waiting: 'waiting for the next attempt',
  detached: 'detached: not replicating',
};

type Colour = 'green' | 'red' | 'yellow' | 'bold' | 'dim';

/** A status as lines for a person. */
export function linesOf(told: Told, name: string, isColoured: boolean): string[] {
  const { report } = told;
  const paint = (colour: Colour, text: string) =>
    isColoured ? styleText(colour, text, { validateStream: false }) : text;
  const version = report.version === undefined ? '' : ` ${report.version}`;
  const up = report.uptime === undefined ? '' : `, up ${formatDuration(report.uptime / 1000)}`;
  const health = paint(told.ready ? 'green' : 'red', printable(told.text));
  const facts = [['health', health] as const, ...factsOf(report)];
  const blocks = [[paint('bold', `forebay${version}, ${name}${up}`), ...aligned(facts)]];
  const block = (title: string, rows: readonly string[]) => {
    if (rows.length > 0) blocks.push([paint('bold', title), ...rows]);
  };
  const painted = (row: string, { state }: ConsumerReport) =>
    BAD.has(state) ? paint('red', row) : row;
  const consumers = (all: readonly ConsumerReport[] = []) =>
    aligned(all.map(consumerRow), [2, 3]).map((row, i) => painted(row, all[i]!));
  block(
    'alerts',
    (report.alerts ?? []).map(({ severity, message }) =>
      paint(severity === 'critical' ? 'red' : 'yellow', `  ${printable(message)}`),
    ),
  );
  block('segments', aligned((report.held?.segments ?? []).map(segmentRow)));
  block('replicas', consumers(report.replicas));
  block('cursors', consumers(report.cursors));
  block(
    'events',
    (report.events ?? []).slice(-EVENTS).map((event) => {
      const line = `  ${eventLine(event)}`;
      return event.tone === 'trouble' ? paint('yellow', line) : line;
    }),
  );
  return blocks
    .map((lines) => lines.join('\n'))
    .join('\n\n')
    .split('\n');
}

function factsOf(report: StatusReport): Row[] {
  const { upstream, paused, link, lag, log, held, limits, fsync, memory, loopDelay } = report;
  const { candidates, room } = report;
  const now = report.now ?? Date.now();
  const rows: (Row | null | undefined)[] = [
    paused == null
      ? undefined
      : ['paused', `for ${since(paused.since, now)}: ${printable(paused.reason)}`],
    upstream && ['primary', endpointOf(upstream)],
    candidates && ['candidates', printable(candidates.join(', '))],
    link && ['link', linkOf(link, now)],
    lag && ['lag', lagOf(lag)],
    log && ['position', log.id === null ? UNKNOWN : `${log.id}:${log.written}`],
    log?.synced === undefined ? undefined : ['not synced', formatBytes(log.written - log.synced)],
    log && ['held from', `offset ${log.lowest ?? UNKNOWN}`],
    log && ['newest base', baseOf(log, now)],
    held == null
      ? undefined
      : [
          'disk',
          `${formatBytes(held.bytes)} in ${held.files} files, ${formatBytes(held.free)} free`,
        ],
    limits && ['limits', limitsOf(limits)],
    room == null ? undefined : ['room', roomOf(room)],
    link && ['received', receivedOf(link.received)],
    link && ['full resyncs', countsOf(link.syncs.full)],
    link && ['partial resyncs', countsOf(link.syncs.partial)],
    link && ['links ended', countsOf(link.reconnects)],
    fsync && ['fsync', fsyncOf(fsync)],
    memory && ['memory', formatBytes(memory.resident)],
    loopDelay == null ? undefined : ['event loop', `${formatTime(loopDelay.max)} late at most`],
  ];
  return rows.filter((row) => row != null);
}

function endpointOf(upstream: NonNullable<StatusReport['upstream']>): string {
  const { host, port, server, version, offset } = upstream;
  const name = port === 0 ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const kind = server == null ? '' : ` (${server} ${version})`;
  return `${printable(name + kind)}, ${offset === null ? 'offset unknown' : `at offset ${offset}`}`;
}

function linkOf(
  { state, since: began, downSince, transfer }: NonNullable<StatusReport['link']>,
  now: number,
): string {
  const parts = [STATES[state] ?? printable(state)];
  if (began !== null) parts.push(`for ${since(began, now)}`);
  if (transfer !== null) {
    const total = transfer.total === null ? '' : ` of ${formatBytes(transfer.total)}`;
    parts.push(`(${formatBytes(transfer.read)}${total})`);
  }
  const down = downSince === null ? '' : `, down for ${since(downSince, now)}`;
  return `${parts.join(' ')}${down}`;
}

function lagOf({ bytes, seconds }: NonNullable<StatusReport['lag']>): string {
  const size = bytes === null ? 'bytes unknown' : formatBytes(bytes);
  return seconds === null ? size : `${size}, ${formatDuration(seconds)}`;
}

function baseOf(
  { base, fetchingBase, baseFailed }: NonNullable<StatusReport['log']>,
  now: number,
): string {
  if (base === null) return UNKNOWN;
  const size = base.size === null ? '' : `${formatBytes(base.size)}, `;
  const next = fetchingBase ? ', a new one is being fetched' : '';
  const failed = baseFailed ? ', the last fetch failed' : '';
  return `${size}at offset ${base.offset}, ${since(base.time, now)} old${next}${failed}`;
}

function limitsOf({ maxDisk, retainTime, retainBytes }: NonNullable<StatusReport['limits']>) {
  const retain =
    retainTime !== null
      ? formatDuration(retainTime / 1000)
      : retainBytes === null
        ? UNKNOWN
        : formatBytes(retainBytes);
  return `max-disk ${maxDisk === null ? UNKNOWN : formatBytes(maxDisk)}, retain ${retain}`;
}

function roomOf({ bytes, seconds }: NonNullable<StatusReport['room']>): string {
  const left = `${formatBytes(bytes)} to the limit`;
  if (seconds === null) return left;
  const time = seconds > YEAR ? 'more than a year' : formatDuration(seconds);
  return `${left}, reached in ${time} at this rate`;
}

function receivedOf({
  stream,
  commands,
  snapshots,
}: NonNullable<StatusReport['link']>['received']): string {
  return `${formatBytes(stream)} of stream, ${commands} commands, ${formatBytes(snapshots)} of snapshots`;
}

function countsOf(counts: Readonly<Record<string, number>>): string {
  const all = Object.entries(counts).filter(([, count]) => count > 0);
  if (all.length === 0) return 'none';
  return all.map(([name, count]) => `${count} ${name.toLowerCase()}`).join(', ');
}

function fsyncOf({ count, sum, last }: NonNullable<StatusReport['fsync']>): string {
  if (count === 0 || last === null) return 'none';
  return `${count}, ${formatTime(sum / count)} on average, ${formatTime(last)} the last`;
}

function segmentRow({
  state,
  from,
  to,
  first,
  last,
  bytes,
}: NonNullable<StatusReport['held']>['segments'][number]): Row {
  const times = first === null && last === null ? UNKNOWN : `${dateOf(first)} to ${dateOf(last)}`;
  return [state, `${from} to ${to}`, formatBytes(bytes), times];
}

function consumerRow({ name, state, offset, behind, age }: ConsumerReport): Row {
  const lag = behind === null ? UNKNOWN : `${formatBytes(behind)} behind`;
  const late = age === null ? '' : formatDuration(age);
  return [printable(name), state, `offset ${offset ?? UNKNOWN}`, lag, late];
}

function eventLine({ time, message }: EventReport): string {
  return `${dateOf(time)} ${printable(message)}`;
}

function since(time: number, now: number): string {
  return formatDuration(Math.max(0, now - time) / 1000);
}

/** A short time in seconds. */
function formatTime(seconds: number): string {
  return seconds < 1 ? `${(seconds * 1000).toFixed(1)} ms` : formatDuration(seconds);
}

function dateOf(time: number | null): string {
  return time === null ? UNKNOWN : new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
}
