import { byId, element, reconcile, setText } from './elements.js';
import { bytes, count, duration, short, UNKNOWN, whole } from './format.js';

const FACTS = {
  'History id': ({ log }) => log?.id ?? UNKNOWN,
  'Written, synced': ({ log }) =>
    log === null ? UNKNOWN : `${whole(log.written)}, ${bytes(log.written - log.synced)} not synced`,
  'Newest base': ({ log, now }) =>
    log?.base
      ? `${bytes(log.base.size)}, ${duration((now - log.base.time) / 1000)} old${log.fetchingBase ? '; a new one is being fetched' : ''}`
      : UNKNOWN,
  Versions: ({ version, upstream }) => `forebay ${version}, ${serverOf(upstream)}`,
  Retention: ({ limits }) => retentionOf(limits),
  'Disk limit': ({ limits, log }) =>
    limits.maxDisk === null
      ? UNKNOWN
      : `${bytes(limits.maxDisk)}${log === null ? '' : `, ${bytes(log.bytes)} used`}`,
  'Limit reached in': ({ room }) => roomOf(room),
  Candidates: ({ candidates }) => candidates.join(', '),
  Received: ({ link: { received } }) =>
    `${bytes(received.stream)} of stream, ${count(received.commands)} commands, ${bytes(received.snapshots)} of snapshots`,
  'Full resyncs': ({ link }) => listed(link.syncs.full),
  'Partial resyncs': ({ link }) => listed(link.syncs.partial),
  'Links ended': ({ link }) => listed(link.reconnects),
  'Syncs to disk': ({ fsync }) =>
    fsync.count === 0
      ? UNKNOWN
      : `${duration(fsync.last)} the last, ${duration(fsync.sum / fsync.count)} on average of ${whole(fsync.count)}`,
  Memory: ({ memory }) => `${bytes(memory.resident)}, ${bytes(memory.heapUsed)} of objects`,
  'Event loop': ({ loopDelay }) =>
    loopDelay === null ? UNKNOWN : `${duration(loopDelay.max)} late at most in the last seconds`,
};

/** What there is to say in numbers. */
export function showFacts(report) {
  reconcile(byId('facts'), Object.entries(FACTS), {
    key: ([name]) => name,
    create: ([name]) => {
      const value = element('dd');
      const row = element('div', {}, element('dt', { text: name }), value);
      row.value = value;
      return row;
    },
    update: ({ value }, [, read]) => setText(value, read(report)),
  });
}

function serverOf({ server, version }) {
  if (server === null) return 'primary unknown';
  return `${server[0].toUpperCase()}${server.slice(1)} ${version}`;
}

function retentionOf({ retainTime, retainBytes }) {
  if (retainTime !== null) return short(duration(retainTime / 1000));
  return retainBytes === null ? UNKNOWN : bytes(retainBytes);
}

/** Seconds after which a rate tells nothing of when a limit is reached. */
const YEAR = 365 * 86_400;

/** Retention, which makes room before the limit is reached, is not counted. */
function roomOf(room) {
  if (room === null) return UNKNOWN;
  const left = `${bytes(room.bytes)} left`;
  if (room.seconds === null) return `${left}; the log does not grow`;
  const time = room.seconds > YEAR ? 'more than a year' : short(duration(Math.floor(room.seconds)));
  return `${time} at the present rate, ${left}`;
}

function listed(counts) {
  const all = Object.entries(counts);
  if (all.length === 0) return 'none';
  return all
    .map(([name, number]) => `${number} × ${name.toLowerCase().replaceAll(/[_-]/g, ' ')}`)
    .join(', ');
}
